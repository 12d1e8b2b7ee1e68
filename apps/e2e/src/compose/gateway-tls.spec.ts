import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { acceptedSuites, allSuites, chosenSuite } from '@lanyard/service-defaults/tls.fixture';
import { generate } from 'selfsigned';
import { docker } from '@lanyard/local-system/compose';

let container: string;
let directory: string;
afterEach(async () => {
  await docker('rm', '--force', container);
  await rm(directory, { recursive: true });
});

/** The configuration that the Docker guide shows. */
async function shownConfiguration(): Promise<string> {
  const guide = await readFile(new URL('../../../../docs/docker.md', import.meta.url), 'utf8');
  const [, shown] = /```\n(global\n[^`]*frontend auth-server-tls\n[^`]*)```/.exec(guide)!;
  return shown!;
}

/** Starts the gateway with one more configuration file, which gives it a certificate. */
async function startWithCertificate(keyType: 'ec' | 'rsa'): Promise<number> {
  directory = await mkdtemp(join(tmpdir(), 'lanyard-gateway-'));
  const pair = await generate([{ name: 'commonName', value: 'localhost' }], { keyType });
  await writeFile(join(directory, 'auth.example.pem'), `${pair.cert}\n${pair.private}`);
  await writeFile(join(directory, 'tls.cfg'), await shownConfiguration());
  // The gateway runs as another user. Only this test uses the key.
  await chmod(directory, 0o755);
  const options = ['--publish', '127.0.0.1::3443', '--volume', `${directory}:/tls:ro,z`];
  container = (await docker('run', '--detach', ...options, 'lanyard-gateway', '-f', '/tls/tls.cfg')).trim();
  const port = Number((await docker('port', container, '3443')).trim().split(':').at(-1));
  for (let attempts = 0; attempts < 100; attempts++) {
    const chosen = await chosenSuite({ port, version: 'TLSv1.3', suites: allSuites }).catch(() => undefined);
    if (chosen !== undefined) return port;
    await sleep(100);
  }
  throw new Error(`the gateway does not speak TLS: ${await docker('logs', container)}`);
}

describe('the gateway', () => {
  it.each([
    ['ECDSA', 'ec'],
    ['RSA', 'rsa'],
  ] as const)(
    'accepts the same suites as the services, and no version before TLS 1.2, with an %s certificate [tls-suites, RFC 9325 §4.2]',
    async (algorithm, keyType) => {
      const port = await startWithCertificate(keyType);
      expect(await acceptedSuites({ port, version: 'TLSv1.3' })).toEqual([
        'TLS_AES_128_GCM_SHA256',
        'TLS_AES_256_GCM_SHA384',
        'TLS_CHACHA20_POLY1305_SHA256',
      ]);
      expect(await acceptedSuites({ port, version: 'TLSv1.2' })).toEqual([
        `ECDHE-${algorithm}-AES128-GCM-SHA256`,
        `ECDHE-${algorithm}-AES256-GCM-SHA384`,
        `ECDHE-${algorithm}-CHACHA20-POLY1305`,
      ]);
      for (const version of ['TLSv1', 'TLSv1.1'] as const) {
        expect([version, await chosenSuite({ port, version, suites: allSuites })]).toEqual([version, undefined]);
      }
    },
    60_000,
  );
});

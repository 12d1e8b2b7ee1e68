import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { expect, it } from '@jest/globals';
import { generate } from 'selfsigned';
import { connections } from './attacks/connections.ts';
import { outcomeOf } from './run-attacks.ts';
import { Target } from './target.ts';

const attack = connections.find(({ name }) => name === 'weak ciphers')!;

/** The outcome of the attack on a server with these settings; `npm start` and Docker speak plain http. */
async function outcomeWith(settings: TlsOptions): Promise<string> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' });
  const server = createServer({ cert, key, ...settings }).on('tlsClientError', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const urls = { issuer: `https://localhost:${port}`, jobsApi: 'http://localhost', batchProcessor: 'http://localhost' };
  const target = new Target({ ...urls, directory: '', inspect: undefined as never }, undefined as never, undefined);
  const { result, answer } = await outcomeOf(attack, target);
  server.close();
  return `${result}: ${answer.replace(`:${port}`, '')}`;
}

const strong = 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384';

it.each<[string, TlsOptions, RegExp]>([
  ['stopped by strong suites', { ciphers: strong }, /^stopped: ECDHE-ECDSA-AES256-GCM-SHA384, TLS_AES_128_GCM_SHA256$/],
  ['not stopped by the suites of Node', {}, /^not stopped: https:\/\/localhost accepts in TLSv1.2 0xc009 /],
  [
    'not stopped by one weak suite',
    { ciphers: `${strong}:ECDHE-ECDSA-AES128-SHA256` },
    /^not stopped: https:\/\/localhost accepts in TLSv1.2 0xc023$/,
  ],
  [
    'not stopped by an old version',
    { minVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
    /^not stopped: https:\/\/localhost speaks TLSv1.1$/,
  ],
])('the attack by weak ciphers is %s', async (_, settings, outcome) => {
  expect(await outcomeWith(settings)).toMatch(outcome);
});

import { createServer, request, type Server } from 'node:http';
import { afterAll, describe, expect, it } from '@jest/globals';
import { deploymentOfFolder, runAttacks } from '@lanyard/attacks';
import { freePort, jobs, lanyard, type Outcome } from '@lanyard/local-system';
import { decodeJwt } from 'jose';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';

let proxy: Server | undefined;
let system: RecordedSystem | undefined;
afterAll(async () => {
  await system?.stop();
  proxy?.closeAllConnections();
  proxy?.close();
});

/** Removes a path from requests, and passes on those whose path ends with it. */
async function startProxy(path: string, target: number): Promise<number> {
  const port = await freePort();
  const wellKnown = /^\/\.well-known\/(oauth-authorization-server|oauth-protected-resource)\/auth(\/|$)/;
  proxy = createServer((incoming, outgoing) => {
    const { url = '/', method, headers } = incoming;
    const isBelow = url.startsWith(`${path}/`);
    if (!isBelow && !wellKnown.test(url)) return outgoing.writeHead(404).end();
    const forwarded = request(
      { port: target, host: 'localhost', method, headers, path: isBelow ? url.slice(path.length) : url },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forwarded.destroy());
    return incoming.pipe(forwarded);
  }).listen(port);
  return port;
}

/**
 * What both command lines do with the deployment that the secrets belong to.
 * @returns the issuer of a token
 */
async function use({ secretsDirectory, urls }: RecordedSystem): Promise<unknown> {
  const run = async (outcome: Promise<Outcome>) => {
    const { code, out, err } = await outcome;
    expect([code, err.replace(/^first use: .*\n/, '')]).toEqual([0, '']);
    return out;
  };
  const environment = { SECRETS_DIRECTORY: secretsDirectory };
  expect(await run(lanyard(environment, ['clients', 'list']))).toContain('batch-processor');
  const token = (await run(lanyard(environment, ['token', 'get', '--client-id', 'batch-processor']))).trim();
  const inspected = await run(lanyard(environment, ['token', 'inspect'], token));
  expect(inspected).toContain(`valid: issued by ${urls.issuer}\n`);
  const pages = JSON.parse(await run(lanyard(environment, ['clients', 'list', '--limit', '2', '--json']))) as unknown[];
  expect(pages).toHaveLength(2);
  expect(await run(jobs(environment, ['list']))).toBeDefined();
  expect(await run(lanyard(environment, ['doctor']))).toContain('0 failures');
  return decodeJwt(token).iss;
}

describe('an issuer with a path', () => {
  it('is served below its path, without a proxy [issuer-path, RFC 8414 §3.1]', async () => {
    const port = await freePort();
    const issuer = `http://localhost:${port}/auth`;
    system = await startSystem({ authServer: port, issuer });
    expect(await use(system)).toBe(issuer);
    const { jobsApi: JOBS_API_URL, batchProcessor: BATCH_PROCESSOR_URL } = system.urls;
    const settings = { ISSUER: issuer, JOBS_API_URL, BATCH_PROCESSOR_URL, LANYARD_DIRECTORY: system.directory };
    const outcomes = await runAttacks(await deploymentOfFolder(settings), {
      only: 'an issuer that differs',
      onOutcome: () => undefined,
    });
    expect(outcomes).toMatchObject([{ result: 'stopped' }]);
    await system.stop();
    system = undefined;
  }, 60_000);

  it('is served behind a proxy that removes its path [issuer-path, RFC 8414 §3.1]', async () => {
    const port = await freePort();
    const issuer = `http://localhost:${await startProxy('/auth', port)}/auth`;
    system = await startSystem({ authServer: port, issuer });
    expect(await use(system)).toBe(issuer);
    await system.stop();
    system = undefined;
  }, 60_000);
});

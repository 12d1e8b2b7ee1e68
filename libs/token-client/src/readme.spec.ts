import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { listen } from './test-support.fixture.ts';

const library = fileURLToPath(new URL('..', import.meta.url));
const example = /^```ts\n(.*?)^```$/ms.exec(readFileSync(`${library}README.md`, 'utf8'))?.[1] ?? '';
let folder: string;
let server: TestAuthorizationServer;
let api: Awaited<ReturnType<typeof listen>>;

beforeEach(async () => {
  mkdirSync(`${library}dist`, { recursive: true });
  folder = mkdtempSync(`${library}dist/readme-`); // within the package, so that it can import itself by name
  api = await listen((request, response) => {
    const authorized = request.headers.authorization?.startsWith('Bearer ey') && request.url === '/jobs';
    response.writeHead(authorized ? 200 : 401).end('[]');
  });
  server = await startAuthorizationServer({
    'batch-processor': { secret: 's3cret', scope: 'jobs:read jobs:write', audience: api.url },
  });
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await api.close();
  await server.stop();
});

function run(secret: string): Promise<{ code: unknown; stdout: string; stderr: string }> {
  writeFileSync(`${folder}/example.ts`, example);
  writeFileSync(`${folder}/client_secret`, `${secret}\n`);
  const env = { ISSUER: server.issuer, JOBS_API_URL: api.url, CLIENT_SECRET_FILE: `${folder}/client_secret` };
  return new Promise((resolve) => {
    const args = ['--conditions=@lanyard/source', '--disable-warning=ExperimentalWarning', `${folder}/example.ts`];
    execFile(process.execPath, args, { env, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

describe("the README's example", () => {
  it('calls the API with a token, and exits', async () => {
    const event = { clientId: 'batch-processor', scope: 'jobs:read', resource: api.url, granted: 'jobs:read' };
    expect(await run('s3cret')).toEqual({
      code: 0,
      stdout: `access token obtained ${JSON.stringify({ ...event, expiresIn: 600 })}\n200 []\n`,
      stderr: '',
    });
    expect(server.tokenRequests).toHaveLength(1);
  });

  it('prints why there is no token', async () => {
    expect(await run('wrong')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'no access token: invalid_client: client authentication failed\n',
    });
  });
});

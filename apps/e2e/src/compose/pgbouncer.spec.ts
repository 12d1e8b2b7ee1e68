import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basic } from '../basic.ts';
import { call } from '../system-under-test.ts';
import { ComposeProject } from '@lanyard/local-system/compose';

const limits = 'statement_timeout,idle_in_transaction_session_timeout';

let project: ComposeProject;
beforeAll(async () => {
  project = await ComposeProject.create();
  project.files = ['docker-compose.yml', 'apps/e2e/src/compose/pgbouncer/docker-compose.yml'];
  await project.compose('build');
}, 600_000);
afterAll(() => project.remove(), 60_000);

const logs = (service: string) => project.compose('logs', '--no-color', '--no-log-prefix', service);
const readiness = async () => JSON.parse((await project.inspect('auth-server', '/health/ready')).text);

describe('PgBouncer in transaction mode', () => {
  it('that takes no settings is named, with what to let it ignore', async () => {
    await expect(project.up()).rejects.toThrow('auth-server');
    const told = await logs('auth-server');
    expect(told).toMatch(/the pooler of DATABASE_URL refuses a setting .* let it ignore/);
    expect(told).not.toMatch(/^ +at /m);
  }, 120_000);

  it('does for everything but notifications, and that is noticed', async () => {
    project.settings.IGNORE_STARTUP_PARAMETERS = limits;
    project.settings.THROTTLING = 'observe'; // a client that is disabled asks over and over
    await project.up();
    const warnings = await logs('auth-server');
    expect(warnings).toContain('notifications do not come back');
    expect(warnings).toMatch(/statement_timeout/);
    expect(await readiness()).toMatchObject({ status: 'degraded' });
  }, 180_000);

  it('does for everything beside a connection of its own for them', async () => {
    for (const service of ['auth', 'jobs']) {
      const role = `ALTER ROLE lanyard_${service}_service SET`;
      await project.query(`lanyard_${service}`, `${role} statement_timeout = '10s'`);
      await project.query(`lanyard_${service}`, `${role} idle_in_transaction_session_timeout = '5s'`);
    }
    project.settings.LISTEN_DATABASE_URL_FILE = '/run/credentials/database_url';
    await project.up('--force-recreate', '--scale', 'auth-server=2', '--scale', 'jobs-api=2');
    expect(await readiness()).toMatchObject({ status: 'ok' });
    for (const service of ['auth-server', 'jobs-api']) {
      const lines = (await logs(service)).split('\n').filter((line) => /"level":"(warn|error|fatal)"/.test(line));
      expect([service, lines]).toEqual([service, []]);
    }
    const secret = (await project.secrets())['clients/report-generator/client_secret'] ?? '';
    const statuses = async () => {
      const asked = Array.from({ length: 8 }, () =>
        call(`${project.urls.ISSUER}/oauth/token`, {
          method: 'POST',
          body: new URLSearchParams({ grant_type: 'client_credentials' }),
          headers: { authorization: basic('report-generator', secret), connection: 'close' },
        }),
      );
      return new Set((await Promise.all(asked)).map(({ status }) => status));
    };
    expect(await statuses()).toEqual(new Set([200]));
    await project.compose('run', '--rm', 'lanyard', 'clients', 'disable', 'report-generator');
    let after = await statuses();
    for (; after.has(200); after = await statuses()) await sleep(100);
    expect(after).toEqual(new Set([401]));
  }, 240_000);
});

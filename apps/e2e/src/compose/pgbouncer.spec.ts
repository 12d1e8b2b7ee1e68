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
  it('is reported if it refuses startup parameters, with those that it should ignore', async () => {
    await expect(project.up()).rejects.toThrow('auth-server');
    const output = await logs('auth-server');
    expect(output).toMatch(/the pooler of DATABASE_URL refuses a setting .* let it ignore/);
    expect(output).not.toMatch(/^ +at /m);
  }, 120_000);

  it('works for everything except notifications, and the server reports their absence', async () => {
    project.settings.IGNORE_STARTUP_PARAMETERS = limits;
    project.settings.THROTTLING = 'observe'; // the disabled client keeps requesting tokens
    await project.up();
    const warnings = await logs('auth-server');
    expect(warnings).toContain('notifications do not arrive');
    expect(warnings).toMatch(/statement_timeout/);
    expect(await readiness()).toMatchObject({ status: 'degraded' });
  }, 180_000);

  it('works for everything when notifications have a direct connection', async () => {
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
      const requests = Array.from({ length: 8 }, () =>
        call(`${project.urls.ISSUER}/oauth/token`, {
          method: 'POST',
          body: new URLSearchParams({ grant_type: 'client_credentials' }),
          headers: { authorization: basic('report-generator', secret), connection: 'close' },
        }),
      );
      return new Set((await Promise.all(requests)).map(({ status }) => status));
    };
    expect(await statuses()).toEqual(new Set([200]));
    await project.compose('run', '--rm', 'lanyard', 'clients', 'disable', 'report-generator');
    let after = await statuses();
    for (; after.has(200); after = await statuses()) await sleep(100);
    expect(after).toEqual(new Set([401]));
  }, 240_000);
});

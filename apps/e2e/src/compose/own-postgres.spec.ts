import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '@lanyard/local-system';
import { ComposeProject, docker } from '@lanyard/local-system/compose';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
let project: ComposeProject;
let own: string;

/** Starts a Postgres outside the compose project, with the databases that the SQL of this repository creates. */
beforeAll(async () => {
  project = await ComposeProject.create();
  own = `${project.name}-own-postgres`;
  const port = await freePort();
  const passwords = Object.fromEntries(
    ['auth_owner', 'auth_service', 'jobs_owner', 'jobs_service'].map((role) => [
      `lanyard_${role}`,
      randomBytes(24).toString('hex'),
    ]),
  );
  // The address by which containers of other networks reach this machine.
  const host = (await docker('network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}')).trim();
  const image = JSON.parse(await project.compose('config', '--format', 'json')).services.postgres.image as string;
  const published = ['--publish', `${host}:${port}:5432`, '--volume', `${join(repository, 'deploy/postgres')}:/sql:ro`];
  const settings = ['--env', `POSTGRES_PASSWORD=${randomBytes(24).toString('hex')}`, '--env', 'CREDENTIALS=/tmp'];
  await docker('run', '--detach', '--name', own, ...published, ...settings, image);
  const write = Object.entries(passwords).map(([role, password]) => `printf %s ${password} >/tmp/${role}`);
  const wait = 'until pg_isready --quiet --host 127.0.0.1; do sleep 0.1; done';
  const create = 'psql --username postgres --set ON_ERROR_STOP=1 --quiet --file /sql/create-databases.sql';
  await docker('exec', own, 'bash', '-ec', [...write, wait, create].join('\n'));
  const url = (database: string, role: string) => `postgres://${role}:${passwords[role]}@${host}:${port}/${database}`;
  project.settings = {
    AUTH_DATABASE_URL: url('lanyard_auth', 'lanyard_auth_service'),
    AUTH_MIGRATION_DATABASE_URL: url('lanyard_auth', 'lanyard_auth_owner'),
    JOBS_DATABASE_URL: url('lanyard_jobs', 'lanyard_jobs_service'),
    JOBS_MIGRATION_DATABASE_URL: url('lanyard_jobs', 'lanyard_jobs_owner'),
  };
  project.files = ['docker-compose.yml', 'deploy/own-postgres.yml'];
}, 60_000);
afterAll(async () => {
  await project.remove();
  await docker('rm', '--force', '--volumes', own);
}, 60_000);

describe('deploy/own-postgres.yml', () => {
  it('runs the system on an external Postgres, without a Postgres container', async () => {
    await project.up('--build');
    const names = (await project.containers()).map(({ Name }) => Name);
    expect(names.some((name) => name.endsWith('-postgres-1'))).toBe(false);
    const sql = `SELECT count(*) FROM job WHERE status = 'succeeded'`;
    const counted = await docker('exec', own, 'psql', '-U', 'postgres', '-d', 'lanyard_jobs', '-Atc', sql);
    expect(counted.trim()).toBe('3');
  }, 300_000);

  it('names a database URL that is missing', async () => {
    project.settings.JOBS_DATABASE_URL = '';
    await expect(project.compose('config')).rejects.toThrow('the database lanyard_jobs, as lanyard_jobs_service');
    project.settings.JOBS_DATABASE_URL = 'unused';
  });
});

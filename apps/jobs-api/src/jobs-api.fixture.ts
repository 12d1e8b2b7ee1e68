import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions } from 'fastify';
import { createService } from '@lanyard/service-defaults';
import { startAuthorizationServer } from '@lanyard/testing';
import { createDatabase } from '@lanyard/embedded-postgres';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import pg from 'pg';
import { jobsApi } from './jobs-api.ts';
import { migrate } from './migration/migrate.ts';

export const resource = 'http://localhost:3002';

/** The service on its own database, with an authorization server in the process. */
export async function startJobsApi(
  environment: NodeJS.ProcessEnv = {},
  beforeInit: (app: NestFastifyApplication) => void = () => undefined,
) {
  const name = `jobs_${randomBytes(6).toString('hex')}`;
  const database = await createDatabase(process.env.TEST_DATABASE_URL ?? '', name);
  await migrate({ MIGRATION_DATABASE_URL: database.ownerUrl }, () => undefined);
  const secretFile = join(mkdtempSync(join(tmpdir(), 'lanyard-secret-')), 'client_secret');
  writeFileSync(secretFile, 's3cret');
  const issuer = await startAuthorizationServer({ 'jobs-api': { secret: 's3cret', scope: '', audience: resource } });
  const { app } = await createService(jobsApi, {
    DATABASE_URL: database.url,
    ISSUER: issuer.issuer,
    RESOURCE: resource,
    CLIENT_SECRET_FILE: secretFile,
    LOG_LEVEL: 'silent',
    API_DOCS: 'true',
    RETRY_BACKOFF: '60',
    LEASE_SWEEP_INTERVAL: '0.1',
    ...environment,
  });
  beforeInit(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const owner = new pg.Pool({ connectionString: database.ownerUrl, max: 2 });
  owner.on('error', () => undefined);

  const as = (clientId: string, scope: string) => {
    const authorization = `Bearer ${issuer.token({ clientId, audience: resource, scope })}`;
    return async (method: InjectOptions['method'], url: string, payload?: object | string, headers: object = {}) => {
      const response = await app.inject({ method, url, payload, headers: { authorization, ...headers } });
      const json = response.headers['content-type']?.toString().includes('json');
      return { status: response.statusCode, headers: response.headers, body: json ? response.json() : response.body };
    };
  };
  return {
    app,
    issuer,
    owner,
    databaseUrl: database.url,
    as,
    worker: as('batch-processor', 'jobs:read jobs:write'),
    reporter: as('report-generator', 'reports:read'),
    stop: async () => {
      await app.close();
      await issuer.stop();
      await owner.end();
    },
  };
}

export type Call = Awaited<ReturnType<typeof startJobsApi>>['worker'];

/** Uploads a file and creates a job for it. */
export async function submit(call: Call, csv = 'a,b\n1,2\n', more: object = {}, headers: object = {}) {
  const { body: file } = await call('POST', '/files', csv, { 'content-type': 'text/csv' });
  const payload = { file: file.id, name: 'numbers.csv' };
  return call('POST', '/jobs', { type: 'summarize-csv', payload, ...more }, headers);
}

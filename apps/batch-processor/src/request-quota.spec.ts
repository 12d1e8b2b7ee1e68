import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createService } from '@lanyard/service-defaults';
import { startAuthorizationServer } from '@lanyard/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { batchProcessor } from './batch-processor.ts';

const resource = 'http://localhost:3001';
let issuer: Awaited<ReturnType<typeof startAuthorizationServer>>;
let app: NestFastifyApplication;

beforeAll(async () => {
  issuer = await startAuthorizationServer({});
  ({ app } = await createService(batchProcessor, {
    ISSUER: issuer.issuer,
    CLIENT_SECRET_FILE: import.meta.filename,
    REQUESTS_PER_MINUTE: '10',
    LOG_LEVEL: 'silent',
  }));
  await app.init();
});
afterAll(async () => {
  await app.close();
  await issuer.stop();
});

it('refuses run requests of a client over its quota [request-quota, Lanyard]', async () => {
  const start = async (clientId: string) => {
    const authorization = `Bearer ${issuer.token({ clientId, audience: resource, scope: 'runs:write' })}`;
    return (await app.inject({ method: 'POST', url: '/runs', headers: { authorization } })).statusCode;
  };
  const statuses = [];
  for (let i = 0; i < 12; i++) statuses.push(await start('one'));
  expect(statuses).toEqual([...Array<number>(10).fill(202), 429, 429]);
  expect(await start('another')).toBe(202);
});

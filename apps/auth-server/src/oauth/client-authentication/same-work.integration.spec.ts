import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import * as crypto from 'node:crypto';

const [hash, timingSafeEqual] = [jest.fn(crypto.hash), jest.fn(crypto.timingSafeEqual)];
jest.unstable_mockModule('node:crypto', () => ({ ...crypto, hash, timingSafeEqual }));
const { basic, postToken, provisionedDatabase } = await import('../../auth-server.fixture.ts');
const { RegistryChanges } = await import('../../replicas/registry-changes.ts');

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;

beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
  ({ app } = await database.startReplica());
  await database.owner.query(`
    INSERT INTO client (client_id, client_name, grant_types, scope, default_scope, disabled_at) VALUES
      ('disabled', 'Disabled', '{client_credentials}', '{jobs:read}', '{jobs:read}', now()),
      ('late', 'Late', '{client_credentials}', '{jobs:read}', '{jobs:read}', null);
    INSERT INTO client_secret (client_id, digest, hint, expires_at) VALUES
      ('disabled', sha256('s3cret'), 'cret', null),
      ('late', sha256('s3cret'), 'cret', now() - interval '1 minute')`);
  await app.get(RegistryChanges).requireCaughtUp();
});
afterAll(async () => {
  await app.close();
  await database.owner.end();
});

describe('failed client authentication', () => {
  it.each([
    ['an unknown client', 'nobody', 's3cret'],
    ['a wrong secret', 'batch-processor', 'guess'],
    ['a disabled client', 'disabled', 's3cret'],
    ['an expired secret', 'late', 's3cret'],
  ])('computes one digest and compares it with one for %s [same-work, Lanyard]', async (_, clientId, secret) => {
    hash.mockClear();
    timingSafeEqual.mockClear();
    const response = await postToken(
      app,
      { grant_type: 'client_credentials' },
      { authorization: basic(clientId, secret) },
    );
    expect([response.statusCode, response.json().error]).toEqual([401, 'invalid_client']);
    expect(hash.mock.calls.filter(([, text]) => text === secret)).toHaveLength(1);
    expect(timingSafeEqual).toHaveBeenCalledTimes(1);
  });
});

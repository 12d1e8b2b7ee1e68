import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import * as clientSecret from './client-secret.ts';

const indexOfMatch = jest.fn(clientSecret.indexOfMatch);
jest.unstable_mockModule('./client-secret.ts', () => ({ ...clientSecret, indexOfMatch }));
const { basic, postToken, provisionedDatabase } = await import('../auth-server.fixture.ts');
const { RegistryChanges } = await import('../registry/registry-changes.ts');

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
  ])('compares one digest with another for %s [same-work, Lanyard]', async (_, clientId, secret) => {
    indexOfMatch.mockClear();
    const response = await postToken(
      app,
      { grant_type: 'client_credentials' },
      { authorization: basic(clientId, secret) },
    );
    expect([response.statusCode, response.json().error]).toEqual([401, 'invalid_client']);
    expect(indexOfMatch.mock.calls).toEqual([[secret, [expect.any(Uint8Array)]]]);
  });
});

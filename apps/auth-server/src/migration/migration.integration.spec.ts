import { mkdtempSync, statSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateSchema } from '@lanyard/service-defaults';
import { createDatabase } from '@lanyard/embedded-postgres';
import pg from 'pg';
import { isGeneratedSecret } from '../registry/client-secret.ts';
import { basic, postToken, provisionedDatabase } from '../auth-server.fixture.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
});
afterAll(() => database.owner.end());

const rows = async (sql: string) => (await database.owner.query(sql)).rows;
const fileWith = (text: string) => {
  const path = join(mkdtempSync(join(tmpdir(), 'lanyard-')), 'lanyard.yaml');
  writeFileSync(path, text);
  return path;
};
const secretFile = (clientId: string) => join(database.settings.SECRETS_DIRECTORY!, clientId, 'client_secret');

describe('the migration step', () => {
  it('registers the clients of the file, each with a secret that only its owner may read', async () => {
    expect(
      await rows(`SELECT client_id, scope, default_scope FROM client WHERE client_id <> 'administrator' ORDER BY 1`),
    ).toEqual([
      { client_id: 'batch-processor', scope: ['jobs:read', 'jobs:write'], default_scope: ['jobs:read', 'jobs:write'] },
      { client_id: 'jobs-api', scope: [], default_scope: [] },
      {
        client_id: 'jobs-cli',
        scope: ['jobs:read', 'jobs:write', 'runs:write'],
        default_scope: ['jobs:read', 'jobs:write'],
      },
      { client_id: 'report-generator', scope: ['reports:read'], default_scope: ['reports:read'] },
    ]);
    expect(isGeneratedSecret(database.secretOf('jobs-api'))).toBe(true);
    expect(statSync(secretFile('jobs-api')).mode & 0o777).toBe(0o600);
    expect(statSync(join(secretFile('jobs-api'), '..')).mode & 0o777).toBe(0o700);
  });

  it('keeps secrets out of its output and out of the database [no-secret-in-output, Lanyard]', async () => {
    const everything = JSON.stringify([
      database.output,
      await rows('SELECT * FROM client_secret'),
      await rows('SELECT * FROM client'),
    ]);
    expect(everything.includes(database.secretOf('jobs-api'))).toBe(false);
    expect(database.output).toContain('client jobs-api: registered a generated secret');
  });

  it('fails with the reason when all of its connections are cut [no-process-ends, Lanyard]', async () => {
    const cutAll = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'test (migration)'
                    ORDER BY pid = pg_backend_pid()`;
    const migration = migrateSchema({
      service: 'test',
      url: database.settings.MIGRATION_DATABASE_URL!,
      migrations: [],
      advisoryLock: 1,
      say: () => undefined,
      andThen: async (manager) => void (await manager.query(cutAll)),
    });
    await expect(migration).rejects.toThrow('terminating connection due to administrator command');
  });

  it.each([
    ['a wrong password', (url: URL) => (url.password = 'wrong'), 'password authentication failed'],
    ['a database that does not exist', (url: URL) => (url.pathname = 'nowhere'), 'database "nowhere" does not exist'],
    [
      'TLS that the server does not support',
      (url: URL) => (url.search = 'sslmode=verify-full'),
      'does not support SSL connections',
    ],
  ])('fails at once if another attempt cannot help: %s', async (_, change, message) => {
    const url = new URL(database.settings.MIGRATION_DATABASE_URL!);
    change(url);
    const output: string[] = [];
    const migration = migrateSchema({
      service: 'test',
      url: url.href,
      migrations: [],
      advisoryLock: 1,
      say: (line) => output.push(line),
    });
    await expect(migration).rejects.toThrow(message);
    expect(output).toEqual([]);
  });

  it('changes nothing the second time, nor when run twice at once', async () => {
    const state = () =>
      rows(
        'SELECT (SELECT count(*) FROM registry_change), (SELECT count(*) FROM client_secret), (SELECT count(*) FROM signing_key)',
      );
    const before = await state();
    expect(await Promise.all([database.migrateAgain(), database.migrateAgain()])).toEqual([[], []]);
    expect(await state()).toEqual(before);
  });

  it('generates a lost secret anew', async () => {
    const lost = database.secretOf('jobs-cli');
    rmSync(secretFile('jobs-cli'));
    expect(await database.migrateAgain()).toEqual(['client jobs-cli: registered a generated secret']);
    expect(database.secretOf('jobs-cli')).not.toBe(lost);
  });

  it("registers an operator's own secret, and refuses a short one", async () => {
    writeFileSync(secretFile('jobs-cli'), 'hunter2\n');
    await expect(database.migrateAgain()).rejects.toThrow('must have 32 characters or more');
    writeFileSync(secretFile('jobs-cli'), database.secretOf('jobs-api').slice(0, -3));
    await expect(database.migrateAgain()).rejects.toThrow('truncated or mistyped');
    writeFileSync(secretFile('jobs-cli'), Buffer.from(`${'s3cret'.repeat(10)}\n`, 'utf16le'));
    await expect(database.migrateAgain()).rejects.toThrow(
      /^\/.*\/jobs-cli\/client_secret has a NUL character, as UTF-16 without a byte order mark has: save it as UTF-8$/,
    );
    writeFileSync(secretFile('jobs-cli'), Buffer.from(`${'s3cret'.repeat(10)}\xFF\n`, 'latin1'));
    await expect(database.migrateAgain()).rejects.toThrow(/client_secret is not text in UTF-8: save it as UTF-8$/);
    writeFileSync(secretFile('jobs-cli'), `${'s3cret'.repeat(10)}ü\n`);
    await expect(database.migrateAgain()).rejects.toThrow(
      /client_secret: a client secret must have only visible ASCII characters$/,
    );
    const own = 'a secret of mine, which is long enough';
    // As Windows PowerShell writes it.
    writeFileSync(secretFile('jobs-cli'), Buffer.from(`\uFEFF${own}\r\n`, 'utf16le'));
    expect(await database.migrateAgain()).toEqual(['client jobs-cli: registered the secret in its file']);
    const { app } = await database.startReplica();
    const response = await postToken(
      app,
      { grant_type: 'client_credentials' },
      { authorization: basic('jobs-cli', own) },
    );
    expect(response.statusCode).toBe(200);
    await app.close();
  });

  it.each([
    ['+', 'an+imported-secret-of-32-characters!'],
    ['%', '100%-imported-secret-of-32-characters'],
  ])(
    'warns of a secret with %s, which some clients send unencoded [basic-form-decoding, RFC 6749 §2.3.1]',
    async (_, secret) => {
      writeFileSync(join(database.settings.SECRETS_DIRECTORY!, 'jobs-cli/client_secret'), secret);
      expect(await database.migrateAgain()).toEqual([
        'client jobs-cli: registered the secret in its file',
        expect.stringMatching(/^client jobs-cli: its secret has "\+" or "%", which clients must form-encode in Basic/),
      ]);
    },
  );

  it('fills in addresses from the environment', async () => {
    await database.migrateAgain({ JOBS_API_URL: 'https://jobs.example' });
    expect(await rows(`SELECT resource FROM scope WHERE value = 'jobs:read'`)).toEqual([
      { resource: 'https://jobs.example' },
    ]);
    await database.migrateAgain();
  });

  it.each([
    ['malformed YAML', 'clients: [', 'Flow sequence'],
    [
      'an unknown key',
      'clients:\n  - client_id: a\n    client_name: A\n    colour: blue',
      'lanyard.yaml:4: clients.0.colour: is not a known field',
    ],
    [
      'a bad identifier',
      'clients:\n  - client_id: a b\n    client_name: A',
      'clients.0.client_id: must have only visible ASCII characters and no spaces',
    ],
    [
      'a scope that no resource has',
      'clients:\n  - client_id: a\n    client_name: A\n    scope: x',
      /lanyard\.yaml:4: clients\.0\.scope: client a: no resource has the scope x$/,
    ],
    [
      'an identifier of the server itself',
      'clients:\n  - client_id: http://localhost:3000/admin\n    client_name: A',
      'lanyard.yaml:2: clients.0.client_id: http://localhost:3000/admin belongs to the authorization server itself',
    ],
    ['a client twice', 'clients:\n  - &a {client_id: a, client_name: A}\n  - *a', 'client a is declared twice'],
    [
      'a default scope wider than the scope',
      'resources: [{identifier: "https://r", name: R, scopes: {x: X}}]\nclients:\n  - {client_id: a, client_name: A, default_scope: x}',
      'lanyard.yaml:3: clients.0.default_scope: client a: has values that are not in scope: x',
    ],
    [
      'a variable that is not set',
      'resources: [{identifier: "${NOT_SET}", name: R, scopes: {}}]',
      'NOT_SET is not set',
    ],
  ])('refuses %s and changes nothing', async (_, text, message) => {
    const before = await rows('SELECT count(*) FROM registry_change');
    await expect(database.migrateAgain({ PROVISIONING_FILE: fileWith(text) })).rejects.toThrow(message);
    expect(await rows('SELECT count(*) FROM registry_change')).toEqual(before);
  });

  it('creates one signing key, encrypted; another key encryption key is refused at start', async () => {
    const keys = await rows('SELECT encrypted_private_key FROM signing_key');
    expect(keys).toHaveLength(1);
    const other = { ...database.settings, KEY_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64') };
    const { createService } = await import('@lanyard/service-defaults');
    const { authServer } = await import('../auth-server.ts');
    await expect(createService(authServer, other).then(({ app }) => app.init())).rejects.toThrow(
      /KEY_ENCRYPTION_KEY is not the one/,
    );
  });

  it('works in another schema than public, which may be closed', async () => {
    const elsewhere = await provisionedDatabase(
      { LOG_LEVEL: 'silent' },
      (name) => `
        REVOKE ALL ON SCHEMA public FROM PUBLIC, "${name}_service";
        CREATE SCHEMA lanyard AUTHORIZATION "${name}_owner";
        GRANT USAGE ON SCHEMA lanyard TO "${name}_service";
        ALTER ROLE "${name}_owner" IN DATABASE "${name}" SET search_path = lanyard;
        ALTER ROLE "${name}_service" IN DATABASE "${name}" SET search_path = lanyard`,
    );
    expect(await elsewhere.migrateAgain()).toEqual([]);
    const { app } = await elsewhere.startReplica();
    const authorization = basic('batch-processor', elsewhere.secretOf('batch-processor'));
    expect((await postToken(app, { grant_type: 'client_credentials' }, { authorization })).statusCode).toBe(200);
    await app.close();
    await elsewhere.owner.query(`UPDATE audit_event SET occurred_at = now() - interval '1 year'
      WHERE sequence < (SELECT max(sequence) FROM audit_event)`);
    const service = new pg.Client({ connectionString: elsewhere.settings.DATABASE_URL });
    await service.connect();
    const { rows } = await service.query('SELECT count > 0 AS pruned FROM prune_audit_events(now())');
    await service.end();
    expect(rows).toEqual([{ pruned: true }]);
    const { rows: tables } = await elsewhere.owner.query(
      `SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    expect(tables).toEqual([{ schemaname: 'lanyard' }]);
    await elsewhere.owner.end();
  });

  it('gives the service no right to alter the schema [least-privilege-roles, Lanyard]', async () => {
    const service = new pg.Client({ connectionString: database.settings.DATABASE_URL });
    await service.connect();
    for (const [statement, refusal] of [
      ['ALTER TABLE client ADD extra text', 'must be owner of table client'],
      ['DROP TABLE client', 'must be owner of table client'],
      ['CREATE TABLE copy AS SELECT * FROM client', 'permission denied for schema public'],
      ['CREATE ROLE another', 'permission denied to create role'],
      [`SET ROLE "${database.name}_owner"`, 'permission denied to set role'],
      [`COPY client TO '/tmp/client'`, 'permission denied to COPY to a file'],
    ] as const) {
      await expect(service.query(statement)).rejects.toThrow(refusal);
    }
    await service.end();
  });

  it('gives the service no access to the database of another [least-privilege-roles, Lanyard]', async () => {
    const other = await createDatabase(process.env.TEST_DATABASE_URL ?? '', `${database.name}_other`);
    const url = new URL(database.settings.DATABASE_URL ?? '');
    url.pathname = new URL(other.url).pathname;
    const service = new pg.Client({ connectionString: url.href });
    await expect(service.connect()).rejects.toThrow('permission denied for database');
  });
});

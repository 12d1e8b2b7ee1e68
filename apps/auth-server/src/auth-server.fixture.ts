import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createService, ReadTimeoutClient } from '@lanyard/service-defaults';
import { createDatabase, type Database } from '@lanyard/embedded-postgres';
import pg from 'pg';
import { authServer } from './auth-server.ts';
import { migrate } from './migration/migrate.ts';

const provisioningFile = fileURLToPath(new URL('../../../config/lanyard.yaml', import.meta.url));

/**
 * A separate provisioned database for a test file, and replicas of the server on it.
 * @param prepare  the statements of the superuser before the migration, given the name of the database
 */
export async function provisionedDatabase(environment: NodeJS.ProcessEnv = {}, prepare?: (name: string) => string) {
  const name = `auth_${randomBytes(6).toString('hex')}`;
  const database: Database = await createDatabase(process.env.TEST_DATABASE_URL ?? '', name);
  if (prepare) await asSuperuser(prepare(name), name);
  const secretsDirectory = mkdtempSync(join(tmpdir(), 'lanyard-secrets-'));
  const settings: NodeJS.ProcessEnv = {
    DATABASE_URL: database.url,
    MIGRATION_DATABASE_URL: database.ownerUrl,
    KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PROVISIONING_FILE: provisioningFile,
    SECRETS_DIRECTORY: secretsDirectory,
    LOG_LEVEL: 'info',
    API_DOCS: 'true',
    ...environment,
  };
  const output: string[] = [];
  await migrate(settings, (line) => output.push(line));
  const owner = new pg.Pool({ connectionString: database.ownerUrl, max: 2 });
  owner.on('error', () => undefined);
  return {
    name,
    settings,
    output,
    owner,
    migrateAgain: (changes: NodeJS.ProcessEnv = {}) => {
      const lines: string[] = [];
      return migrate({ ...settings, ...changes }, (line) => lines.push(line)).then(() => lines);
    },
    secretOf: (clientId: string) => readFileSync(join(secretsDirectory, clientId, 'client_secret'), 'utf8'),
    startReplica: (changes: NodeJS.ProcessEnv = {}, beforeInit?: (app: NestFastifyApplication) => void) =>
      startReplica({ ...settings, ...changes }, beforeInit),
  };
}

async function startReplica(
  settings: NodeJS.ProcessEnv,
  beforeInit: (app: NestFastifyApplication) => void = () => undefined,
) {
  const logs: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logs.push(String(chunk));
      done();
    },
  });
  const { app } = await createService(authServer, settings, destination as never);
  beforeInit(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return { app, logs };
}

export const basic = (clientId: string, secret: string) =>
  `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`;

/** POST /oauth/token with these form parameters. */
export function postToken(
  app: NestFastifyApplication,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
  remoteAddress = '127.0.0.1',
) {
  return app.inject({
    method: 'POST',
    url: '/oauth/token',
    remoteAddress,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  });
}

/** POST to one of the OAuth endpoints, or GET if there is no form. */
export function callOAuth(
  app: NestFastifyApplication,
  url: string,
  { form, authorization, headers = {} }: { form?: Record<string, string>; authorization?: string; headers?: object },
) {
  return app.inject({
    method: form ? 'POST' : 'GET',
    url,
    headers: {
      ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...(authorization && { authorization }),
      ...headers,
    },
    ...(form && { payload: new URLSearchParams(form).toString() }),
  });
}

type TestDatabase = Pick<Awaited<ReturnType<typeof provisionedDatabase>>, 'name' | 'owner'>;

/** How many statements the replicas on a database have sent so far. */
export const statementsSent = ({ name }: TestDatabase): number => sent.get(name) ?? 0;

const sent = new Map<string, number>();
const { query } = ReadTimeoutClient.prototype;
ReadTimeoutClient.prototype.query = function count(this: ReadTimeoutClient, ...statement: unknown[]) {
  const name = String(this.database);
  sent.set(name, (sent.get(name) ?? 0) + 1);
  return Reflect.apply(query, this, statement);
} as typeof query;

/** Terminates the connections on which replicas receive notifications. */
export const killListeners = ({ name }: TestDatabase): Promise<void> =>
  asSuperuser(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = '${name}' AND application_name = 'auth-server (listening)'`);

/** Terminates all connections, and refuses new ones until `allowConnections`. */
export const killConnections = ({ name }: TestDatabase): Promise<void> =>
  asSuperuser(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS false;
               SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);

export const allowConnections = ({ name }: TestDatabase): Promise<void> =>
  asSuperuser(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS true`);

/**
 * A proxy to the database that stalls at the first statement with these words: from then on it forwards nothing, but
 * keeps the connections open.
 */
export async function proxyThatStalls(databaseUrl: string, words: string) {
  const { hostname, port } = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const stalled = Promise.withResolvers<void>();
  let isStalled = false;
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on('data', (chunk) => {
      if (chunk.includes(words)) {
        isStalled = true;
        stalled.resolve();
      }
      if (!isStalled) to.write(chunk);
    });
    from.on('close', () => isStalled || to.destroy());
    from.on('error', () => undefined);
  };
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const near = new URL(databaseUrl);
  near.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: near.href,
    stalled: stalled.promise,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function asSuperuser(statements: string, database = ''): Promise<void> {
  const url = new URL(process.env.TEST_DATABASE_URL ?? '');
  if (database) url.pathname = database;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query(statements);
  await client.end();
}

/** A request to the administration API with an access token. */
export const callWith = (
  app: NestFastifyApplication,
  token: string,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
) =>
  app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  });

/** Authenticates the first administrator with the one-time secret, and adds a lasting secret. */
export async function administratorOf(
  app: NestFastifyApplication,
  database: Awaited<ReturnType<typeof provisionedDatabase>>,
) {
  const tokenWith = async (secret: string, scope?: string): Promise<string> => {
    const form = { grant_type: 'client_credentials', ...(scope && { scope }) };
    const response = await postToken(app, form, { authorization: basic('administrator', secret) });
    if (response.statusCode !== 200) throw new Error(response.body);
    return response.json<{ access_token: string }>().access_token;
  };
  const first = await tokenWith(
    readFileSync(join(database.settings.SECRETS_DIRECTORY!, 'administrator/one_time_secret'), 'utf8'),
  );
  const added = await callWith(app, first, 'POST', '/admin/clients/administrator/secrets', {});
  const secret = added.json<{ client_secret: string }>().client_secret;
  const all = await tokenWith(secret);
  return {
    secret,
    tokenFor: (scope: string) => tokenWith(secret, scope),
    /** with all scopes */
    call: (
      method: Parameters<typeof callWith>[2],
      url: string,
      body?: unknown,
      headers?: Record<string, string>,
      token = all,
    ) => callWith(app, token, method, url, body, headers),
  };
}

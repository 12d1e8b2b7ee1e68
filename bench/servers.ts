import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { createDatabase } from '@lanyard/embedded-postgres';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { freePort, Service } from '@lanyard/local-system';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import pg from 'pg';
import type { Requests, Subject } from './load.ts';

export const repository = fileURLToPath(new URL('..', import.meta.url));
export const audience = 'https://bench.example';
const scope = 'bench:read bench:write';

/** The identifier of a client that is registered for the benchmark; the first has the number 1. */
export const clientIdOf = (number: number): string => `client-${String(number).padStart(6, '0')}`;
const secretOf = (clientId: string) => createHash('sha256').update(`bench ${clientId}`).digest('base64url');

/** Requests for tokens by some clients in turn. */
export const tokenRequests = (clientIds: string[]): Requests =>
  clientIds.map((clientId) => ({
    method: 'POST',
    path: '/oauth/token',
    headers: {
      authorization: basicCredentials(clientId, secretOf(clientId)),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }).toString(),
  }));

/** @throws if the servers issue tokens that cannot be compared */
export async function requireSameTokens(servers: readonly Subject[], [request]: Requests): Promise<void> {
  for (const { name, url } of servers) {
    const response = await fetch(`${url}${request?.path}`, {
      method: 'POST',
      headers: request?.headers as Record<string, string>,
      body: request?.body as string,
    });
    const { access_token: token = '' } = (await response.json()) as { access_token?: string };
    const [header, claims] = [decodeProtectedHeader(token), decodeJwt(token)];
    const found = { alg: header.alg, typ: header.typ, aud: claims.aud, scope: claims.scope, client: claims.client_id };
    const expected = { alg: 'ES256', typ: 'at+jwt', aud: audience, scope, client: clientIdOf(1) };
    if (!isDeepStrictEqual(found, expected)) {
      throw new Error(`${name} issues other tokens: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
    }
  }
}

export interface AuthServer extends Subject {
  clients: number;
  service: Service;
  /** where provisioning wrote the secrets */
  secrets: string;
  /** its database, as the owner */
  databaseUrl: string;
  /** from the start of the process to the first token, ms */
  firstToken: number;
}

/**
 * Starts the authorization server as in production, with its own database in which this many clients are registered.
 */
export async function startAuthServer(directory: string, postgres: string, clients: number): Promise<AuthServer> {
  const name = `auth-server-${clients}`;
  const database = await createDatabase(postgres, `bench_${clients}`);
  const secrets = join(directory, `secrets-${clients}`);
  mkdirSync(secrets);
  const file = join(directory, 'registry.yaml');
  writeFileSync(
    file,
    `resources:\n  - identifier: ${audience}\n    name: Bench\n    scopes: { bench:read: Read, bench:write: Write }\n`,
  );
  const [port, managementPort] = [await freePort(), await freePort()];
  const url = `http://localhost:${port}`;
  const environment = {
    DATABASE_URL: database.url,
    MIGRATION_DATABASE_URL: database.ownerUrl,
    KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PROVISIONING_FILE: file,
    SECRETS_DIRECTORY: secrets,
    ISSUER: url,
    PORT: String(port),
    MANAGEMENT_PORT: String(managementPort),
    NODE_ENV: 'production',
    TOKENS_PER_MINUTE: '10000000',
  };
  const program = (entry: string, address?: string) =>
    new Service({
      name,
      command: [join(repository, `apps/auth-server/dist/${entry}.js`)],
      environment,
      directory: repository,
      url: address,
      managementUrl: `http://127.0.0.1:${managementPort}`,
      output: openSync(join(directory, `${name}.log`), 'a'),
    });
  const migration = program('migrate');
  migration.start();
  await migration.finished();
  await register(database.ownerUrl, clients);
  const service = program('main', url);
  const begun = performance.now();
  service.start();
  await firstAnswer(url, service);
  const firstToken = performance.now() - begun;
  await service.ready();
  return { name, url, pid: service.pid!, clients, service, secrets, databaseUrl: database.ownerUrl, firstToken };
}

async function register(databaseUrl: string, clients: number): Promise<void> {
  const owner = new pg.Client({ connectionString: databaseUrl });
  await owner.connect();
  await owner.query(
    `INSERT INTO client (client_id, client_name, grant_types, scope, default_scope)
       SELECT 'client-' || lpad(i::text, 6, '0'), 'Client ' || i, '{client_credentials}', scope, scope
       FROM generate_series(1, $1::int) i, string_to_array($2, ' ') AS scope`,
    [clients, scope],
  );
  await owner.query(`
    INSERT INTO client_secret (client_id, digest, hint)
      SELECT client_id, sha256(rtrim(translate(encode(sha256(convert_to('bench ' || client_id, 'UTF8')), 'base64'), '+/', '-_'), '=')::bytea), 'xxxx'
      FROM client WHERE client_id LIKE 'client-%'`);
  await owner.query('ANALYZE');
  await owner.end();
}

/** Requests a token until the server issues one. */
async function firstAnswer(url: string, service: Service): Promise<void> {
  const [{ headers, body, path }] = tokenRequests([clientIdOf(1)]) as [Requests[number]];
  for (;;) {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: body as string,
    }).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return;
    if (!service.pid) await service.ready();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export interface Peer extends Subject {
  service: Service;
}

/** Starts one of the programs of `subjects/`; it issues tokens to the first client of the authorization server. */
export async function startSubject(name: string, environment: NodeJS.ProcessEnv = {}): Promise<Peer> {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const clientId = clientIdOf(1);
  const service = new Service({
    name,
    command: [join(repository, `bench/dist/subjects/${name}.js`)],
    environment: {
      NODE_ENV: 'production',
      PORT: String(port),
      ISSUER: url,
      CLIENT_ID: clientId,
      CLIENT_SECRET: secretOf(clientId),
      AUDIENCE: audience,
      SCOPE: scope,
      ...environment,
    },
    directory: repository,
    url,
  });
  service.start();
  for (;;) {
    if (await fetch(url).catch(() => undefined)) return { name, url, pid: service.pid!, service };
    if (!service.pid) await service.ready();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

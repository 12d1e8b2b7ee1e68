import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { issueAccessToken, signJwt, type Revocation, type SigningKey } from '@lanyard/access-token';
import {
  authorizationServerMetadataPath,
  basicCredentials,
  OAuthError,
  parseScope,
  type AccessTokenClaims,
  type AccessTokenResponse,
  type AuthorizationServerMetadata,
} from '@lanyard/oauth-protocol';
import { decodeJwt, decodeProtectedHeader, exportJWK, type JWK } from 'jose';
import { TestRevocations, type RawAnswer } from './revocations.ts';

export interface TestClient {
  secret: string;
  /** the scope that it may have, and gets if it requests none */
  scope: string;
  audience: string;
}

export interface RecordedTokenRequest {
  method: 'client_secret_basic' | 'client_secret_post';
  clientId: string;
  parameters: Record<string, string>;
}

export interface TestAuthorizationServer {
  issuer: string;
  /** the URL at which it listens: the issuer, unless that is another name */
  address: string;
  /** every token request so far, answered or refused */
  tokenRequests: RecordedTokenRequest[];
  /** how often the JWK Set was fetched */
  keyFetches(): number;
  /** issues a valid access token without a request; `claims` and `header` replace members, or remove undefined ones */
  token(
    grant: { clientId: string; audience: string; scope: string; lifetime?: number },
    changes?: TokenChanges,
  ): string;
  /** starts to sign with a new key; the old ones stay published unless `withdraw` */
  rotateKey(options?: { withdraw?: boolean }): Promise<void>;
  /** changes the keys of the JWK Set in responses, for tests of broken sets */
  changeJwks(change: (keys: object[]) => unknown[]): void;
  /** revokes one token by its `jti`, or all with this `grant_id` or `kid`; `until` is in an hour by default */
  revoke(revocation: Omit<Revocation, 'until'> & { until?: number }): void;
  /** lets the list begin anew, as after a backup was restored */
  forgetRevocations(): void;
  /** whether it has lost its database: requests without a cursor get a list that is marked as stale, all others 503 */
  cutOff(isCutOff: boolean): void;
  /** how often the revocation list was requested, and tokens were introspected */
  revocationRequests(): { list: number; introspection: number };
  /** answers the next requests to this path with this status, for tests of outages */
  failNext(path: string, status: number, options?: { times?: number; headers?: Record<string, string> }): void;
  /** how often this path was answered that way */
  failures(path: string): number;
  /** stops listening; `start` listens on the same port again */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface TokenChanges {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

export interface TestAuthorizationServerOptions {
  /** the lifetime of access tokens, seconds */
  lifetime?: number;
  /** a name that differs from the address, and need not be reachable */
  issuer?: string;
  /** whether requests for the JWK Set may wait until it changes: `Prefer: wait`, RFC 7240 section 4.3 */
  supportsWaiting?: boolean;
}

/**
 * An authorization server in the process of the test, for tests of services that obtain or validate tokens: metadata
 * (RFC 8414), JWK Set, and the client credentials grant for the given clients. Each server creates its own key.
 * @param clients  by client identifier
 */
export async function startAuthorizationServer(
  clients: Record<string, TestClient> = {},
  { lifetime = 600, issuer: name, supportsWaiting = false }: TestAuthorizationServerOptions = {},
): Promise<TestAuthorizationServer> {
  let key = await newKey();
  let published: JWK[] = [key.jwk];
  let changeJwks = (jwks: object[]): unknown[] => jwks;
  let keyFetches = 0;
  let keysChanged = Promise.withResolvers<void>();
  const tokenRequests: RecordedTokenRequest[] = [];
  let introspections = 0;
  const failed = new Map<string, number>();
  const failures = new Map<string, { status: number; times: number; headers: Record<string, string> }>();

  const routes: Record<string, (request: IncomingMessage) => Promise<object> | object> = {
    [authorizationServerMetadataPath]: () => metadata(issuer),
    '/jwks': () => {
      keyFetches += 1;
      return { keys: changeJwks(published) };
    },
    '/introspect': async (request) => {
      introspections += 1;
      requireClient(request, clients);
      const token = new URLSearchParams(await bodyOf(request)).get('token') ?? '';
      const claims = decodeJwt<AccessTokenClaims>(token);
      const revoked =
        revocations.has('jti', claims.jti) ||
        revocations.has('grant_id', claims.grant_id) ||
        revocations.has('kid', decodeProtectedHeader(token).kid);
      return revoked || claims.exp * 1000 < Date.now() ? { active: false } : { active: true, ...claims };
    },
    '/token': async (request) => {
      const { recorded, response } = answerTokenRequest(
        request.headers.authorization,
        Object.fromEntries(new URLSearchParams(await bodyOf(request))),
        clients,
        (grant) => issueAccessToken(issuer, key, { ...grant, lifetime }).token,
        lifetime,
      );
      tokenRequests.push(recorded);
      if (response instanceof OAuthError) throw response;
      return response;
    },
  };

  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    const failure = failures.get(path);
    if (failure && failure.times > 0) {
      failure.times -= 1;
      failed.set(path, (failed.get(path) ?? 0) + 1);
      return send(response, failure.status, { error: 'temporarily_unavailable' }, failure.headers);
    }
    if (path === '/revocations') {
      void new Promise<RawAnswer>((resolve) => {
        requireClient(request, clients);
        resolve(revocations.answer(request));
      }).then(
        ({ status, headers, body }) => response.writeHead(status, headers).end(body),
        () => send(response, 401, { error: 'invalid_client' }),
      );
      return undefined;
    }
    const route = routes[path];
    if (!route) return send(response, 404, {});
    if (path === '/jwks' && supportsWaiting) {
      const etag = () => `"${published.map(({ kid }) => kid).join(' ')}"`;
      const mayWait = request.headers.prefer !== undefined && request.headers['if-none-match'] === etag();
      void (mayWait ? keysChanged.promise : Promise.resolve()).then(async () =>
        send(response, 200, await route(request), {
          etag: etag(),
          ...(mayWait && { 'preference-applied': String(request.headers.prefer) }),
        }),
      );
      return undefined;
    }
    Promise.resolve(route(request)).then(
      (body) => send(response, 200, body),
      (error: unknown) => {
        const status = error instanceof OAuthError && error.code === 'invalid_client' ? 401 : 400;
        send(response, status, error instanceof OAuthError ? error.toJSON() : { error: 'invalid_request' });
      },
    );
  });
  let port = 0;
  const start = async () => {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    ({ port } = server.address() as AddressInfo);
  };
  await start();
  const address = `http://localhost:${port}`;
  const issuer = name ?? address;
  const revocations = new TestRevocations(issuer, () => key);

  return {
    issuer,
    address,
    tokenRequests,
    keyFetches: () => keyFetches,
    token: ({ lifetime: own = lifetime, ...grant }, { claims = {}, header = {} } = {}) => {
      const issued = issueAccessToken(issuer, key, { ...grant, lifetime: own });
      const protectedHeader = { alg: 'ES256' as const, typ: 'at+jwt', kid: key.kid, ...header };
      return signJwt(protectedHeader, { ...issued.claims, ...claims }, key.privateKey);
    },
    rotateKey: async ({ withdraw = false } = {}) => {
      key = await newKey();
      published = withdraw ? [key.jwk] : [key.jwk, ...published];
      keysChanged.resolve();
      keysChanged = Promise.withResolvers();
    },
    changeJwks: (change) => void (changeJwks = change),
    revoke: ({ until = Math.floor(Date.now() / 1000) + 3600, ...revocation }) =>
      revocations.add({ ...revocation, until }),
    forgetRevocations: () => revocations.clear(),
    cutOff: (isCutOff) => {
      revocations.isCutOff = isCutOff;
      revocations.answerWaiting();
    },
    revocationRequests: () => ({ list: revocations.requests, introspection: introspections }),
    failures: (path) => failed.get(path) ?? 0,
    failNext: (path, status, { times = 1, headers = {} } = {}) => void failures.set(path, { status, times, headers }),
    start,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const metadata = (issuer: string): AuthorizationServerMetadata => ({
  issuer,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: [],
  grant_types_supported: ['client_credentials'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  introspection_endpoint: `${issuer}/introspect`,
  revocations_uri: `${issuer}/revocations`,
});

function requireClient({ headers }: IncomingMessage, clients: Record<string, TestClient>): void {
  const known = Object.entries(clients).map(([clientId, { secret }]) => basicCredentials(clientId, secret));
  if (!known.includes(headers.authorization ?? ''))
    throw new OAuthError('invalid_client', 'client authentication failed');
}

function answerTokenRequest(
  authorization: string | undefined,
  parameters: Record<string, string>,
  clients: Record<string, TestClient>,
  issue: (grant: { clientId: string; audience: string; scope: string }) => string,
  lifetime: number,
): { recorded: RecordedTokenRequest; response: AccessTokenResponse | OAuthError } {
  const pair = authorization?.startsWith('Basic ')
    ? Buffer.from(authorization.slice(6), 'base64').toString()
    : undefined;
  const method = pair === undefined ? 'client_secret_post' : 'client_secret_basic';
  const [clientId = '', secret] = pair
    ? pair.split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
    : [parameters.client_id, parameters.client_secret];
  const client = clients[clientId];
  const recorded = { method, clientId, parameters } as const;
  if (!client || client.secret !== secret) {
    return { recorded, response: new OAuthError('invalid_client', 'client authentication failed') };
  }
  const allowed = parseScope(client.scope) ?? new Set();
  const scope = parameters.scope || client.scope;
  if (![...(parseScope(scope) ?? [''])].every((value) => allowed.has(value))) {
    return { recorded, response: new OAuthError('invalid_scope', 'the scope is wider than the client may have') };
  }
  const token = issue({ clientId, audience: parameters.resource ?? client.audience, scope });
  return { recorded, response: { access_token: token, token_type: 'Bearer', expires_in: lifetime, scope } };
}

async function newKey(): Promise<SigningKey & { jwk: JWK }> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomUUID();
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
    .end(JSON.stringify(body));
}

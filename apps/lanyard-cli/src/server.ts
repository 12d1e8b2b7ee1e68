import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { administrationOf, type CreatedSecret } from '@lanyard/administration';
import {
  addressesOf,
  caller,
  commonSettings,
  readSettings,
  secretFileOf as secretFileIn,
  type Answer,
} from '@lanyard/command-line';
import { resolveIssuerUrl } from '@lanyard/oauth-protocol';
import { secretFromFile, TokenClient, type SecretSource } from '@lanyard/token-client';
import { z } from 'zod';
import { writeSecretFile } from './secret-file.ts';

/** The authorization server, and the client that administers it. */
export interface Server {
  issuer: string;
  clientId: string;
  secretFile: string;
  /** the addresses of the deployment's services, as variables for registry files */
  addresses: () => Record<string, string>;
  /** the default file with the secret of another client */
  secretFileOf: (clientId: string) => string;
  /** calls the administration API: returns the body of the response */
  call: <Body>(...request: CallParameters) => Promise<Body>;
  /** likewise, with the headers of the response */
  request: <Body>(...request: CallParameters) => Promise<Answer<Body>>;
  /** fetches a public document of the server, by its URL under the issuer's name */
  fetch: (url: string) => Promise<Response>;
  tokensOf: (clientId: string, clientSecret: SecretSource) => TokenClient;
  /** exchanges the one-time secret of the first administrator for a permanent one; returns its file */
  bootstrap: () => Promise<string>;
  /** likewise, unless it was already exchanged */
  ensureBootstrapped: () => Promise<void>;
}

type CallParameters = Parameters<ReturnType<typeof caller>>;

const settings = commonSettings.extend({
  CLIENT_ID: z.string().default('administrator'),
  CLIENT_SECRET_FILE: z.string().optional(),
});

/** Reads the environment when a command uses the server: help works without it. */
export function connect(environment: NodeJS.ProcessEnv): Server {
  let server: Server | undefined;
  return new Proxy({} as Server, {
    get: (_, name) => Reflect.get((server ??= connected(environment)), name),
  });
}

function connected(environment: NodeJS.ProcessEnv): Server {
  const found = readSettings(settings, environment);
  const { ISSUER: issuer, ISSUER_ADDRESS: issuerAddress, CLIENT_ID: clientId } = found;
  const secretFileOf = (id: string) => secretFileIn(found, id);
  const secretFile = found.CLIENT_SECRET_FILE ?? secretFileOf(clientId);
  const oneTimeSecretFile = join(dirname(secretFile), 'one_time_secret');
  const resource = administrationOf(issuer);
  const tokensOf = (id: string, clientSecret: SecretSource) =>
    new TokenClient({
      issuer,
      issuerAddress,
      clientId: id,
      clientSecret,
      allowInsecureRequests: found.ALLOW_INSECURE_REQUESTS,
    });
  const administrationWith = (secret: SecretSource) =>
    caller(
      resolveIssuerUrl(issuer, issuer, issuerAddress).replace(/\/$/, ''),
      tokensOf(clientId, secret).fetch({ resource }),
    );
  const requestWithSecret = administrationWith(secretFromFile(secretFile));

  const bootstrap = async (): Promise<string> => {
    const request = administrationWith(secretFromFile(oneTimeSecretFile));
    const idempotency = { 'idempotency-key': randomUUID() };
    const path = `/admin/clients/${encodeURIComponent(clientId)}/secrets`;
    const { body } = await request<CreatedSecret>('POST', path, {}, idempotency).catch((error: Error) => {
      const hint = 'if the one-time secret was already used or has expired, the migration step creates another one';
      throw new Error(`${error.message}\n${hint}`, { cause: error });
    });
    writeSecretFile(secretFile, body.client_secret);
    rmSync(oneTimeSecretFile);
    return secretFile;
  };
  const ensureBootstrapped = async (): Promise<void> => {
    if (existsSync(secretFile) || !existsSync(oneTimeSecretFile)) return;
    const file = await bootstrap();
    process.stderr.write(`first use: the one-time secret was exchanged for a permanent one, in ${file}\n`);
  };
  const request = async <Body>(...parameters: CallParameters) => {
    await ensureBootstrapped();
    return requestWithSecret<Body>(...parameters);
  };
  return {
    issuer,
    clientId,
    secretFile,
    addresses: () => addressesOf(found),
    secretFileOf,
    request,
    call: async <Body>(...parameters: CallParameters) => (await request<Body>(...parameters)).body,
    fetch: (url) => fetch(resolveIssuerUrl(url, issuer, issuerAddress)),
    tokensOf,
    bootstrap,
    ensureBootstrapped,
  };
}

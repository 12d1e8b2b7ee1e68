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

/** The authorization server, and who acts on it. */
export interface Server {
  issuer: string;
  clientId: string;
  secretFile: string;
  /** where the services of its deployment are, as the variables that files of the registry name */
  addresses: () => Record<string, string>;
  /** where the secret of another client is by default */
  secretFileOf: (clientId: string) => string;
  /** of the administration API: the body of the answer */
  call: <Body>(...request: CallParameters) => Promise<Body>;
  /** with the headers of the answer */
  ask: <Body>(...request: CallParameters) => Promise<Answer<Body>>;
  /** a public document of the server, by its path */
  fetch: (path: string, init?: RequestInit) => Promise<Response>;
  tokensOf: (clientId: string, clientSecret: SecretSource) => TokenClient;
  /** lets the first administrator in, with the one-time secret */
  bootstrap: () => Promise<string>;
  /** likewise, where that has not been done yet */
  enter: () => Promise<void>;
}

type CallParameters = Parameters<ReturnType<typeof caller>>;

const settings = commonSettings.extend({
  CLIENT_ID: z.string().default('administrator'),
  CLIENT_SECRET_FILE: z.string().optional(),
});

/** Reads the environment when something is asked of the server: help needs none. */
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
    caller(new URL(issuerAddress ?? issuer).origin, tokensOf(clientId, secret).fetch({ resource }));
  const askWithSecret = administrationWith(secretFromFile(secretFile));

  const bootstrap = async (): Promise<string> => {
    const ask = administrationWith(secretFromFile(oneTimeSecretFile));
    const idempotency = { 'idempotency-key': randomUUID() };
    const path = `/admin/clients/${clientId}/secrets`;
    const { body } = await ask<CreatedSecret>('POST', path, {}, idempotency).catch((error: Error) => {
      const hint = 'if the one-time secret is spent or too old, the migration step makes another one';
      throw new Error(`${error.message}\n${hint}`, { cause: error });
    });
    writeSecretFile(secretFile, body.client_secret);
    rmSync(oneTimeSecretFile);
    return secretFile;
  };
  const enter = async (): Promise<void> => {
    if (existsSync(secretFile) || !existsSync(oneTimeSecretFile)) return;
    const file = await bootstrap();
    process.stderr.write(`first use: the one-time secret was exchanged for a lasting one, in ${file}\n`);
  };
  const ask = async <Body>(...request: CallParameters) => {
    await enter();
    return askWithSecret<Body>(...request);
  };
  return {
    issuer,
    clientId,
    secretFile,
    addresses: () => addressesOf(found),
    secretFileOf,
    ask,
    call: async <Body>(...request: CallParameters) => (await ask<Body>(...request)).body,
    fetch: (path, init) => fetch(resolveIssuerUrl(issuer + path, issuer, issuerAddress), init),
    tokensOf,
    bootstrap,
    enter,
  };
}

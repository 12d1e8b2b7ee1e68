import { buffer, text as textOf } from 'node:stream/consumers';
import { validateAccessToken } from '@lanyard/access-token';
import type { RevocationDescription, RevocationPage } from '@lanyard/administration';
import { print, printJson, printTable, UsageError, type OutputOptions } from '@lanyard/command-line';
import { accessTokenTypes, decodeText, escapeControls, OAuthError } from '@lanyard/oauth-protocol';
import { secretFromFile } from '@lanyard/token-client';
import type { Command } from 'commander';
import { confirm } from '../arguments.ts';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import { readFile } from '../read-file.ts';
import type { Server } from '../server.ts';
import { when } from '../words.ts';

interface GetOptions extends OutputOptions {
  clientId?: string;
  secretFile?: string;
  scope?: string;
  resource?: string;
}

export function addToken(program: Command, server: Server): void {
  const token = program.command('token').description('obtain, inspect and revoke access tokens');
  token
    .command('get')
    .description('obtain an access token, as yourself or as another client')
    .option('--client-id <client_id>', 'default: yourself')
    .option(
      '--secret-file <file>',
      'the file with the client’s secret; default: <SECRETS_DIRECTORY>/<client_id>/client_secret',
    )
    .option('--scope <scope>', 'scope values separated by spaces; default: the client’s default scope')
    .option('--resource <identifier>', 'the protected resource that the token is for')
    .option('--json', 'print JSON')
    .addHelpText('after', getHelp)
    .action(async ({ clientId = server.clientId, secretFile, scope, resource, json }: GetOptions) => {
      const isOneself = clientId === server.clientId;
      if (isOneself && !secretFile) await server.ensureBootstrapped();
      const file = secretFile ?? (isOneself ? server.secretFile : server.secretFileOf(clientId));
      const tokens = server.tokensOf(clientId, secretFromFile(file));
      const { value, scope: granted, expiresAt } = await tokens.getToken({ scope, resource });
      if (!json) return print(value);
      return printJson({ access_token: value, scope: granted, expires_at: new Date(expiresAt).toISOString() });
    });
  token
    .command('inspect')
    .description(
      'decode an access token and report whether it is valid; without an argument, read it from standard input',
    )
    .argument('[token]')
    .option('--json', 'print JSON')
    .addHelpText('after', inspectHelp)
    .action(async (given: string | undefined, options: OutputOptions) =>
      inspect(server, given ?? (await textOf(process.stdin)), options),
    );
  token
    .command('revoke')
    .description(
      'revoke an access token, or all tokens of a client: every resource server refuses them within a second',
    )
    .argument('[token]', 'an access token; "-" reads it from standard input, so that no process list shows it')
    .option('--token-file <file>', 'the access token in this file')
    .option('--jti <jti>', 'the token with this identifier, as in the logs; requires all administrative scopes')
    .option('--client-id <client_id>', 'all tokens that the client has now; it may obtain new ones')
    .option('--secret-id <secret_id>', 'all tokens obtained with this secret so far, even if the secret was removed')
    .option('--yes', 'do not ask')
    .addHelpText('after', revokeHelp)
    .action((given: string | undefined, options: RevokeOptions) => revoke(server, given, options));
  token
    .command('revoked')
    .description('list the current revocations')
    .option('--client-id <client_id>', 'only revocations of this client')
    .option('--json', 'print JSON')
    .action((options: OutputOptions & { clientId?: string }) => listRevoked(server, options));
}

interface RevokeOptions {
  tokenFile?: string;
  jti?: string;
  clientId?: string;
  secretId?: string;
  yes?: boolean;
}

async function revoke(server: Server, given: string | undefined, options: RevokeOptions): Promise<void> {
  const { tokenFile, jti, clientId, secretId } = options;
  const selectors = [
    given !== undefined && { token: tokenIn(given === '-' ? await buffer(process.stdin) : Buffer.from(given)) },
    tokenFile !== undefined && { token: tokenIn(readFile(tokenFile)) },
    jti !== undefined && { jti },
    clientId !== undefined && { client_id: clientId },
    secretId !== undefined && { secret_id: secretId },
  ].filter((one) => one !== false);
  const [body] = selectors;
  if (!body || selectors.length > 1)
    throw new UsageError('specify exactly one of: a token, --token-file, --jti, --client-id, --secret-id');
  if (clientId !== undefined) await confirm(`Revoke all access tokens of ${clientId}?`, options);
  if (secretId !== undefined) await confirm('Revoke all access tokens that the secret obtained?', options);
  await server.call('POST', '/admin/revocations', body);
  print('revoked');
}

async function listRevoked(server: Server, { clientId, json }: OutputOptions & { clientId?: string }): Promise<void> {
  const query = new URLSearchParams({ limit: '1000', ...(clientId && { client_id: clientId }) });
  const found: RevocationDescription[] = [];
  for (let next: string | null = `/admin/revocations?${query}`; next;) {
    const page: RevocationPage = await server.call<RevocationPage>('GET', next);
    found.push(...page.items);
    next = page.next;
  }
  if (json) return printJson(found);
  const words = { jti: 'one token', grant_id: 'all under one grant', kid: 'all of one key' };
  return printTable(
    found.map((revocation) => ({
      revoked: words[revocation.kind],
      id: revocation.id,
      client_id: revocation.client_id ?? '',
      since: when(revocation.revoked_at),
      ends: when(revocation.ends_at),
    })),
  );
}

async function inspect(server: Server, text: string, { json }: OutputOptions): Promise<void> {
  const token = text.trim().replace(/^Bearer /i, '');
  const { header, claims } = decoded(token);
  const invalid = await faultOf(server, token, claims.aud);
  if (json) printJson({ valid: invalid === undefined, ...(invalid && { reason: invalid }), header, claims });
  else {
    print(invalid === undefined ? `valid: issued by ${server.issuer}` : `not valid: ${escapeControls(invalid)}`);
    for (const [name, value] of Object.entries({ ...header, ...claims }))
      print(escapeControls(`  ${name.padEnd(10)} ${shown(name, value)}`));
  }
  if (invalid !== undefined) process.exitCode = 1;
}

function decoded(token: string) {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    throw new Error('this is not a JWT');
  }
}

/** Validates the token as the resource server of its audience would. */
async function faultOf(server: Server, token: string, audience: string | string[] | undefined) {
  const keys = (await (await server.fetch(`${server.issuer}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  const requirements = { issuer: server.issuer, audience: [audience].flat()[0] ?? '', types: accessTokenTypes };
  try {
    await validateAccessToken(token, createLocalJWKSet(keys), requirements);
    return undefined;
  } catch (error) {
    const { cause } = error as Error;
    const message = error instanceof OAuthError ? error.description : String(error);
    return cause instanceof Error ? `${message} (${cause.message})` : message;
  }
}

function shown(name: string, value: unknown): string {
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value);
  const moment = new Date(value * 1000);
  const isMoment = ['exp', 'iat', 'nbf'].includes(name) && !Number.isNaN(moment.getTime());
  return isMoment ? `${value} (${when(moment.toISOString())})` : String(value);
}

/**
 * Refuses malformed tokens: the server would report success, as invalid tokens need no revocation, RFC 7009 section
 * 2.2.
 */
function tokenIn(bytes: Uint8Array): string {
  const token = decodeText(bytes)
    .trim()
    .replace(/^Bearer /i, '');
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token;
  throw new UsageError('this is not an access token: a JWT has three parts in base64url');
}

const getHelp = `
Examples:
  lanyard token get --client-id batch-processor
  curl -H "Authorization: Bearer $(lanyard token get --client-id batch-processor)" http://localhost:3002/jobs`;

const inspectHelp = `
Example:
  lanyard token get | lanyard token inspect

The command checks signature, issuer and time. To see whether a token was revoked: lanyard token revoked`;

const revokeHelp = `
Examples:
  lanyard token revoke --token-file token.txt
  lanyard token get --client-id batch-processor | lanyard token revoke -
  lanyard token revoke --jti T5yCP9XxLLtiAn0bP7hTPA
  lanyard token revoke --client-id batch-processor
To also refuse the client itself: lanyard clients disable. If a secret leaked: add a new one (lanyard secrets rotate), then
  lanyard secrets remove --force <client_id> <secret_id>
which revokes the access tokens obtained with it. --jti requires all administrative scopes.`;

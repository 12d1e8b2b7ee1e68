import { text as textOf } from 'node:stream/consumers';
import { validateAccessToken } from '@lanyard/access-token';
import { print, printJson, type OutputOptions } from '@lanyard/command-line';
import { OAuthError } from '@lanyard/oauth-protocol';
import { secretFromFile } from '@lanyard/token-client';
import type { Command } from 'commander';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import type { Server } from '../server.ts';
import { when } from '../words.ts';

interface GetOptions extends OutputOptions {
  clientId?: string;
  secretFile?: string;
  scope?: string;
  resource?: string;
}

export function addToken(program: Command, server: Server): void {
  const token = program.command('token').description('obtain access tokens, and look into them');
  token
    .command('get')
    .description('obtain an access token, as yourself or as another client')
    .option('--client-id <client_id>', `default: ${server.clientId}`)
    .option('--secret-file <file>', 'with the client’s secret')
    .option('--scope <scope>', 'scope values separated by spaces; default: the client’s default scope')
    .option('--resource <identifier>', 'the protected resource it is for')
    .option('--json', 'print JSON')
    .action(async ({ clientId = server.clientId, secretFile, scope, resource, json }: GetOptions) => {
      if (clientId !== server.clientId && !secretFile)
        throw new Error(`--secret-file: where is the secret of ${clientId}?`);
      if (!secretFile) await server.enter();
      const tokens = server.tokensOf(clientId, secretFromFile(secretFile ?? server.secretFile));
      const { value, scope: granted, expiresAt } = await tokens.getToken({ scope, resource });
      if (!json) return print(value);
      return printJson({ access_token: value, scope: granted, expires_at: new Date(expiresAt).toISOString() });
    });
  token
    .command('inspect')
    .description('decode an access token, and say whether it is valid; from standard input without an argument')
    .argument('[token]')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  lanyard token get | lanyard token inspect')
    .action(async (given: string | undefined, options: OutputOptions) =>
      inspect(server, given ?? (await textOf(process.stdin)), options),
    );
}

async function inspect(server: Server, text: string, { json }: OutputOptions): Promise<void> {
  const token = text.trim().replace(/^Bearer /i, '');
  const { header, claims } = decoded(token);
  const invalid = await faultOf(server, token, claims.aud);
  if (json) printJson({ valid: invalid === undefined, ...(invalid && { reason: invalid }), header, claims });
  else {
    print(invalid === undefined ? `valid: issued by ${server.issuer}` : `not valid: ${invalid}`);
    for (const [name, value] of Object.entries({ ...header, ...claims }))
      print(`  ${name.padEnd(10)} ${shown(name, value)}`);
  }
  if (invalid !== undefined) process.exitCode = 1;
}

function decoded(token: string) {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    throw new Error('this is no JWT');
  }
}

/** As a resource server would find it, whichever audience it is for. */
async function faultOf(server: Server, token: string, audience: string | string[] | undefined) {
  const keys = (await (await server.fetch('/.well-known/jwks.json')).json()) as JSONWebKeySet;
  const requirements = { issuer: server.issuer, audience: [audience].flat()[0] ?? '' };
  try {
    await validateAccessToken(token, createLocalJWKSet(keys), requirements);
    return undefined;
  } catch (error) {
    const { cause } = error as Error;
    const message = error instanceof OAuthError ? error.description : String(error);
    return cause instanceof Error ? `${message} (${cause.message})` : message;
  }
}

const shown = (name: string, value: unknown): string =>
  ['exp', 'iat', 'nbf'].includes(name) && typeof value === 'number'
    ? `${value} (${when(new Date(value * 1000).toISOString())})`
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);

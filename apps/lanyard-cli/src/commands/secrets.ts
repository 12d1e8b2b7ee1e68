import { randomUUID } from 'node:crypto';
import type { CreatedSecret, Secret } from '@lanyard/administration';
import { print, printJson, printTable, UsageError, type OutputOptions } from '@lanyard/command-line';
import { Option, type Command } from 'commander';
import { confirm, duration } from '../arguments.ts';
import type { Server } from '../server.ts';
import { when } from '../words.ts';
import { showSecret } from './clients.ts';

const pathOf = (clientId: string) => `/admin/clients/${encodeURIComponent(clientId)}/secrets`;

interface RotateOptions extends OutputOptions {
  overlap: number;
  expiresIn?: number;
  secretFile?: string;
}

export function addSecrets(program: Command, server: Server): void {
  const secrets = program.command('secrets').description('rotate the secrets of clients without downtime');
  secrets
    .command('list')
    .description('list the secrets of a client: when each was last used, and whether it is safe to remove')
    .argument('<client_id>')
    .option('--json', 'print JSON')
    .action(async (clientId: string, { json }: OutputOptions) => {
      const { items } = await server.call<{ items: Secret[] }>('GET', pathOf(clientId));
      if (json) return printJson(items);
      printTable(items.map(rowOf));
      return undefined;
    });
  secrets
    .command('rotate')
    .description('add a new secret and set an expiry on the old ones')
    .argument('<client_id>')
    .addOption(overlapOption())
    .option('--expires-in <duration>', 'when the new secret expires; default: never', duration)
    .option('--secret-file <file>', 'write the secret to this file, replacing it atomically, instead of showing it')
    .option('--json', 'print JSON')
    .addHelpText('after', rotateHelp)
    .action(async (clientId: string, { overlap, expiresIn, ...output }: RotateOptions) => {
      const request = { overlap, ...(expiresIn !== undefined && { expires_in: expiresIn }) };
      const idempotency = { 'idempotency-key': randomUUID() };
      showSecret(await server.call<CreatedSecret>('POST', pathOf(clientId), request, idempotency), output);
    });
  secrets
    .command('remove')
    .description(
      'remove a secret and revoke the access tokens obtained with it; a secret that may be in use requires --force',
    )
    .argument('<client_id>')
    .argument('<secret>', 'its id, or its last four characters; put "--" before it if it begins with a dash')
    .option('--force', 'also if it may be in use')
    .option('--yes', 'do not ask')
    .action(async (clientId: string, named: string, options: { force?: boolean; yes?: boolean }) => {
      const { items } = await server.call<{ items: Secret[] }>('GET', pathOf(clientId));
      const found = items.filter(({ secret_id: id, hint }) => id === named || hint === named.replace(/^…/, ''));
      const [secret] = found;
      if (!secret || found.length > 1)
        throw new Error(
          `${found.length === 0 ? 'no' : 'more than one'} secret of ${clientId} is ${named}: see lanyard secrets list`,
        );
      if (!secret.safe_to_remove && !options.force) {
        throw new UsageError(
          `…${secret.hint} is not safe to remove: ${secret.advice}. Pass --force to remove it anyway.`,
        );
      }
      if (!secret.safe_to_remove)
        await confirm(`Remove …${secret.hint} and its access tokens: ${secret.advice}?`, options);
      await server.call('DELETE', `${pathOf(clientId)}/${secret.secret_id}`);
      print(`…${secret.hint} is removed, and the access tokens obtained with it are revoked`);
    });
}

const overlapOption = () =>
  new Option('--overlap <duration>', 'how long the other secrets stay valid')
    .argParser(duration)
    .default(duration('24h'), '24h');

const rowOf = (secret: Secret) => ({
  secret: `…${secret.hint}`,
  id: secret.secret_id,
  state: secret.one_time ? 'one-time' : secret.state,
  created: when(secret.created_at),
  ends: when(secret.expires_at, 'never'),
  'last used': when(secret.last_used_at, 'never'),
  uses: secret.use_count,
  'safe to remove': `${secret.safe_to_remove ? 'yes' : 'no'}: ${secret.advice}`,
});

const rotateHelp = `
A rotation, step by step:
  lanyard secrets rotate billing --overlap 24h --secret-file ./secrets/billing/client_secret
  lanyard secrets list billing          until the old one is safe to remove
  lanyard secrets remove billing <id>   which revokes the access tokens obtained with it
Clients that use Lanyard's token client read the file again for each token, so none needs a restart.`;

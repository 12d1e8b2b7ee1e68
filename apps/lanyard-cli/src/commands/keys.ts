import type { SigningKeyDescription } from '@lanyard/administration';
import { print, printJson, printTable, type OutputOptions } from '@lanyard/command-line';
import type { Command } from 'commander';
import { confirm } from '../arguments.ts';
import type { Server } from '../server.ts';
import { when } from '../words.ts';

type Keys = { items: SigningKeyDescription[] };

export function addKeys(program: Command, server: Server): void {
  const keys = program.command('keys').description('signing keys: they rotate automatically');
  keys
    .command('list')
    .description('list the signing keys, with the next state of each and its time')
    .option('--json', 'print JSON')
    .action(async (options: OutputOptions) => show(await server.call<Keys>('GET', '/admin/keys'), options));
  keys
    .command('rotate')
    .description('announce a successor of the signing key now, before it is due')
    .option('--now', 'in an emergency: replace all keys at once; every token issued so far is refused')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .action(async ({ now = false, ...options }: OutputOptions & { now?: boolean; yes?: boolean }) => {
      if (now)
        await confirm(
          'Withdraw all signing keys? Every token issued so far is refused, and clients must request new ones.',
          options,
        );
      show(await server.call<Keys>('POST', '/admin/keys/rotate', { emergency: now }), options);
    });
  keys
    .command('withdraw')
    .description('delete one signing key and revoke its tokens; if it signs, a new one signs at once')
    .argument('<kid>', 'put "--" before it if it begins with a dash')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .action(async (kid: string, options: OutputOptions & { yes?: boolean }) => {
      await confirm(`Withdraw the signing key ${kid}? Every token that it signed is refused.`, options);
      show(await server.call<Keys>('POST', `/admin/keys/${encodeURIComponent(kid)}/withdraw`), options);
    });
  keys
    .command('reencrypt')
    .description('encrypt the private keys with the first key of KEY_ENCRYPTION_KEY')
    .option('--json', 'print JSON')
    .addHelpText('after', reencryptHelp)
    .action(async ({ json }: OutputOptions) => {
      const answer = await server.call<{ reencrypted: number }>('POST', '/admin/keys/reencrypt');
      if (json) return printJson(answer);
      return print(
        `${answer.reencrypted} signing keys were encrypted with another key; now all are encrypted with the first one`,
      );
    });
}

function show({ items }: Keys, { json }: OutputOptions): void {
  if (json) return printJson(items);
  printTable(
    items.map((key) => ({
      kid: key.kid,
      alg: key.alg,
      state: key.state,
      published: when(key.created_at),
      next: `${key.next} ${when(key.next_at)}`,
      'encrypted with': key.key_encryption,
    })),
  );
  return undefined;
}

const reencryptHelp = `
How to replace the key encryption key, with each step at every replica before the next:
  1. KEY_ENCRYPTION_KEY: the old key, then the new one on its own line
  2. KEY_ENCRYPTION_KEY: the new key, then the old one
  3. lanyard keys reencrypt
  4. KEY_ENCRYPTION_KEY: only the new key`;

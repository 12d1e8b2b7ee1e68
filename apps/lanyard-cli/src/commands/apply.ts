import { join } from 'node:path';
import {
  faultsInFile,
  folderOfClient,
  linesIn,
  parseRegistryFile,
  type RegistryApplication,
  type RegistryChange,
  type RegistryChanges,
} from '@lanyard/administration';
import { CallError, print, printJson, UsageError, visible, type OutputOptions } from '@lanyard/command-line';
import { decodeText } from '@lanyard/oauth-protocol';
import type { Command } from 'commander';
import pc from 'picocolors';
import { confirm } from '../arguments.ts';
import { readFile } from '../read-file.ts';
import { writeSecretFile } from '../secret-file.ts';
import type { Server } from '../server.ts';

interface ApplyOptions extends OutputOptions {
  dryRun?: boolean;
  prune?: boolean;
  secretsDirectory?: string;
  yes?: boolean;
}

export function addApply(program: Command, server: Server, environment: NodeJS.ProcessEnv): void {
  program
    .command('apply')
    .description('apply a file that declares clients and protected resources: all of it or nothing')
    .argument('<file>', 'for example config/lanyard.yaml')
    .option('--dry-run', 'show what would change, and change nothing')
    .option(
      '--prune',
      'delete clients and resources that the file does not list, except clients with administrative scopes',
    )
    .option('--secrets-directory <folder>', 'write a secret for each client that has none: <client_id>/client_secret')
    .option('--yes', 'delete without asking')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  lanyard apply config/lanyard.yaml --dry-run')
    .action((file: string, options: ApplyOptions) => apply(server, file, options, environment));
}

async function apply(
  server: Server,
  file: string,
  options: ApplyOptions,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const { dryRun = false, prune = false, secretsDirectory, json } = options;
  const text = read(file);
  const given = Object.entries(environment).filter(([, value]) => value);
  const variables = { ...server.addresses(), ...Object.fromEntries(given) };
  const registry = parseRegistryFile(text, file, variables, server.issuer);
  const send = (dry_run: boolean) =>
    server
      .call<RegistryChanges>('POST', '/admin/registry', { registry, dry_run, prune } satisfies RegistryApplication)
      .catch((error: unknown) => {
        if (error instanceof CallError && error.problem.errors?.length) {
          error.message = faultsInFile(error.problem.errors, linesIn(text, file, variables)).join('\n');
        }
        throw error;
      });
  let result = await send(dryRun || prune);
  // Shows what --prune would delete before it deletes.
  if (!dryRun && prune) {
    const deleted = result.changes.filter(({ action }) => action === 'delete').map(({ id }) => id);
    if (deleted.length > 0) {
      result.changes.forEach(printChange);
      await confirm(`Delete ${deleted.join(', ')}?`, options);
    }
    result = await send(false);
  }
  const written: string[] = [];
  for (const clientId of dryRun || !secretsDirectory ? [] : result.without_secret) {
    const path = `/admin/clients/${encodeURIComponent(clientId)}/secrets`;
    const { client_secret: secret } = await server.call<{ client_secret: string }>('POST', path, {});
    const target = join(secretsDirectory!, folderOfClient(clientId), 'client_secret');
    writeSecretFile(target, secret);
    written.push(target);
  }
  if (json) return printJson({ ...result, secrets_written: written });
  result.changes.forEach(printChange);
  if (result.changes.length === 0) print('nothing to change');
  else print(`${dryRun ? 'would change' : 'changed'}: ${result.changes.length}`);
  for (const target of written) print(`secret written: ${target}`);
  if (written.length === 0 && result.without_secret.length > 0) {
    print(`without a secret: ${result.without_secret.join(', ')} (lanyard secrets rotate, or --secrets-directory)`);
  }
  return undefined;
}

function read(file: string): string {
  const bytes = readFile(file);
  try {
    return decodeText(bytes);
  } catch (error) {
    throw new UsageError(`${file} ${(error as Error).message}`, { cause: error });
  }
}

const signs = {
  create: (text: string) => pc.green(`+ ${text}`),
  change: (text: string) => pc.yellow(`~ ${text}`),
  delete: (text: string) => pc.red(`- ${text}`),
};

function printChange({ action, kind, id, fields }: RegistryChange): void {
  print(signs[action](`${kind} ${id}`));
  for (const { field, from, to } of fields) {
    print(action === 'create' ? `    ${field}: ${shown(to)}` : `    ${field}: ${shown(from)} → ${shown(to)}`);
  }
}

const shown = (value: unknown): string =>
  visible(typeof value === 'string' && value !== '' ? value : JSON.stringify(value));

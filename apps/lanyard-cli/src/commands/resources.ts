import type { Resource } from '@lanyard/administration';
import { printJson, printTable, type OutputOptions } from '@lanyard/command-line';
import type { Command } from 'commander';
import type { Server } from '../server.ts';

export function addResources(program: Command, server: Server): void {
  program
    .command('resources')
    .description('protected resources and their scopes; to change them: lanyard apply')
    .command('list')
    .description('list the scopes of all protected resources')
    .option('--json', 'print JSON')
    .action(async ({ json }: OutputOptions) => {
      const { items } = await server.call<{ items: Resource[] }>('GET', '/admin/resources');
      if (json) return printJson(items);
      const rows = items.flatMap(({ identifier, name, scopes, access_token_lifetime, access_token_typ: typ }) => {
        const lifetime = access_token_lifetime === null ? 'not set' : `${access_token_lifetime} s`;
        return Object.entries(scopes).map(([scope, meaning]) => ({
          resource: identifier,
          name,
          scope,
          meaning,
          lifetime,
          typ,
        }));
      });
      printTable(rows);
      return undefined;
    });
}

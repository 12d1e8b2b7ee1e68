import { randomUUID } from 'node:crypto';
import type { ClientChange, ClientPage, CreatedClient, RegisteredClient } from '@lanyard/administration';
import { positive, print, printJson, printTable, UsageError, type OutputOptions } from '@lanyard/command-line';
import { Option, type Command } from 'commander';
import { confirm, duration } from '../arguments.ts';
import { writeSecretFile } from '../secret-file.ts';
import type { Server } from '../server.ts';
import { when } from '../words.ts';

interface ClientOptions extends OutputOptions {
  name?: string;
  scope?: string;
  defaultScope?: string;
  resourceServerOf?: string;
  lifetime?: number | 'default';
  tokensPerMinute?: number | 'default';
}

const pathOf = (clientId: string) => `/admin/clients/${encodeURIComponent(clientId)}`;

const clientChangeOf = ({
  name,
  scope,
  defaultScope,
  resourceServerOf,
  lifetime,
  tokensPerMinute,
}: ClientOptions): ClientChange => ({
  ...(name !== undefined && { client_name: name }),
  ...(scope !== undefined && { scope }),
  ...(defaultScope !== undefined && { default_scope: defaultScope }),
  ...(resourceServerOf !== undefined && { resource_server_of: resourceServerOf.split(' ').filter(Boolean) }),
  ...(lifetime !== undefined && { access_token_lifetime: lifetime === 'default' ? null : lifetime }),
  ...(tokensPerMinute !== undefined && { tokens_per_minute: tokensPerMinute === 'default' ? null : tokensPerMinute }),
});

const lifetimeOf = (text: string) => (text === 'default' ? text : duration(text));
const quotaOf = (text: string) => (text === 'default' ? text : positive(text));

export function addClients(program: Command, server: Server): void {
  const clients = program.command('clients').description('register, change, disable and delete clients');
  const json = () => new Option('--json', 'print JSON');
  const scope = () => new Option('--scope <scope>', 'the scope values that the client may have, separated by spaces');
  const defaultScope = () =>
    new Option('--default-scope <scope>', 'the scope that a token request without a scope gets');
  const resourceServerOf = () =>
    new Option(
      '--resource-server-of <identifiers>',
      'the protected resources whose resource server it is: it may introspect tokens and follow revocations',
    );
  const lifetime = () =>
    new Option(
      '--lifetime <duration>',
      'the maximum lifetime of its access tokens, for example 5m; "default": no limit of its own',
    ).argParser(lifetimeOf);
  const tokensPerMinute = () =>
    new Option(
      '--tokens-per-minute <number>',
      'how many access tokens it may obtain per minute; "default": the server’s',
    ).argParser(quotaOf);

  clients
    .command('create')
    .description('register a client, with a first secret that is shown once or written to a file')
    .argument('<client_id>', '1 to 255 visible ASCII characters; put "--" before it if it begins with a dash')
    .option('--name <name>', 'a name for people')
    .addOption(scope())
    .addOption(defaultScope())
    .addOption(resourceServerOf())
    .addOption(lifetime())
    .addOption(tokensPerMinute())
    .option('--secret-file <file>', 'write the secret to this file, readable only by you, instead of showing it')
    .addOption(json())
    .addHelpText('after', createHelp)
    .action(async (clientId: string, options: ClientOptions & { secretFile?: string }) => {
      const idempotency = { 'idempotency-key': randomUUID() };
      const request = { client_id: clientId, ...clientChangeOf(options) };
      const created = await server.call<CreatedClient>('POST', '/admin/clients', request, idempotency);
      showSecret(created, options);
    });
  clients
    .command('list')
    .description('list clients, sorted by client_id')
    .option('--search <text>', 'only clients with this text in client_id or name')
    .option('--scope <value>', 'only clients that may have this scope value')
    .option('--disabled', 'only disabled clients')
    .option('--enabled', 'only enabled clients')
    .option('--limit <number>', 'the maximum number of clients', positive, 100)
    .addOption(json())
    .action((options: ListOptions) => list(server, options));
  clients
    .command('show')
    .description('show a client')
    .argument('<client_id>')
    .addOption(json())
    .action(async (clientId: string, options: OutputOptions) =>
      show(await server.call<RegisteredClient>('GET', pathOf(clientId)), options),
    );
  clients
    .command('update')
    .description(
      'change a client; omitted options keep their values. Losing an administrative scope revokes its access tokens',
    )
    .argument('<client_id>')
    .option('--name <name>', 'a name for people')
    .addOption(scope())
    .addOption(defaultScope())
    .addOption(resourceServerOf())
    .addOption(lifetime())
    .addOption(tokensPerMinute())
    .addOption(json())
    .action(async (clientId: string, options: ClientOptions) => {
      const change = clientChangeOf(options);
      if (Object.keys(change).length === 0)
        throw new UsageError('nothing to change: see lanyard clients update --help');
      const { headers } = await server.request('GET', pathOf(clientId));
      const ifMatch = { 'if-match': headers.get('etag') ?? '*' };
      show(await server.call<RegisteredClient>('PATCH', pathOf(clientId), change, ifMatch), options);
    });
  for (const verb of ['disable', 'enable'] as const) {
    clients
      .command(verb)
      .description(verb === 'disable' ? 'refuse a client until it is enabled again' : 'accept a disabled client again')
      .argument('<client_id>')
      .addOption(json())
      .action(async (clientId: string, options: OutputOptions) =>
        show(await server.call<RegisteredClient>('POST', `${pathOf(clientId)}/${verb}`), options),
      );
  }
  clients
    .command('delete')
    .description('delete a client and its secrets')
    .argument('<client_id>')
    .option('--yes', 'do not ask')
    .action(async (clientId: string, options: { yes?: boolean }) => {
      await server.call('GET', pathOf(clientId));
      await confirm(`Delete ${clientId} and its secrets? To refuse it temporarily, disable it.`, options);
      await server.call('DELETE', pathOf(clientId));
      print(`${clientId} is deleted`);
    });
}

interface ListOptions extends OutputOptions {
  search?: string;
  scope?: string;
  disabled?: boolean;
  enabled?: boolean;
  limit: number;
}

async function list(server: Server, { search, scope, disabled, enabled, limit, json }: ListOptions): Promise<void> {
  const query = new URLSearchParams({
    limit: String(Math.min(limit, 1000)),
    ...(search && { q: search }),
    ...(scope && { scope }),
    ...(disabled !== enabled && { disabled: String(disabled ?? false) }),
  });
  const found: RegisteredClient[] = [];
  let next: string | null = `/admin/clients?${query}`;
  while (next && found.length < limit) {
    const page: ClientPage = await server.call<ClientPage>('GET', next);
    found.push(...page.items);
    next = page.next;
  }
  const shown = found.slice(0, limit);
  if (json) return printJson(shown);
  printTable(
    shown.map((client) => ({
      client_id: client.client_id,
      name: client.client_name,
      scope: client.scope,
      state: client.disabled ? 'disabled' : 'enabled',
      changed: when(client.updated_at),
    })),
  );
  if (next || found.length > limit) print(`the first ${limit}; for more: --limit, or --search`);
}

function show(client: RegisteredClient, { json }: OutputOptions): void {
  if (json) return printJson(client);
  const { client_id_issued_at: issuedAt, ...fields } = client;
  const issued = new Date(issuedAt * 1000).toISOString();
  for (const [field, value] of Object.entries({ ...fields, client_id_issued_at: issued })) {
    print(`${field.padEnd(22)} ${Array.isArray(value) ? value.join(' ') : (value ?? 'the server’s')}`);
  }
}

/** Shows the secret once, or writes it to a file without showing it. */
export function showSecret(
  created: { client_id: string; client_secret: string },
  { secretFile, json }: OutputOptions & { secretFile?: string },
): void {
  const { client_secret: secret, ...rest } = created;
  if (secretFile) writeSecretFile(secretFile, secret);
  if (json) return printJson(secretFile ? { ...rest, client_secret_file: secretFile } : created);
  print(`client_id      ${created.client_id}`);
  if (secretFile) return print(`client_secret  in ${secretFile}`);
  print(`client_secret  ${secret}`);
  print('Keep the secret now: it is not shown again.');
}

const createHelp = `
Example:
  lanyard clients create billing --name Billing --scope 'jobs:read jobs:write' --default-scope jobs:read \\
    --secret-file ./secrets/billing/client_secret
  lanyard token get --client-id billing --secret-file ./secrets/billing/client_secret`;

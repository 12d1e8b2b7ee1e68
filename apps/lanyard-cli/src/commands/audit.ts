import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditEventSchema, auditEventTypes, verifyChain, type AuditEvent } from '@lanyard/administration';
import { positive, print, printJson, type OutputOptions } from '@lanyard/command-line';
import { InvalidArgumentError, Option, type Command } from 'commander';
import pc from 'picocolors';
import { moment } from '../arguments.ts';
import type { Server } from '../server.ts';
import { moment as shown } from '../words.ts';

interface Filter {
  type?: string;
  actor?: string;
  client?: string;
  since?: string;
  until?: string;
}

export function addAudit(program: Command, server: Server): void {
  const audit = program.command('audit').description('the audit log: who did what, when and from where');
  const filtered = (command: Command) =>
    command
      .addOption(new Option('--type <type>', 'only events of this type').choices(Object.keys(auditEventTypes)))
      .option('--actor <client_id>', 'only events that this client caused')
      .option('--client <client_id>', 'only events about this client');
  filtered(audit.command('tail').description('show the latest events'))
    .option('-n, --lines <number>', 'how many events', positive, 20)
    .option('-f, --follow', 'keep printing new events')
    .option('--json', 'print JSON lines')
    .action((options: Filter & OutputOptions & { lines: number; follow?: boolean }) => tail(server, options));
  filtered(audit.command('export').description('print events as JSON lines, oldest first'))
    .option('--since <moment>', 'only events from this time on: a date, or how long ago, for example 24h', moment)
    .option('--until <moment>', 'only events before this time', moment)
    .action(async (options: Filter) => {
      for await (const event of eventsOf(server, options)) await write(`${JSON.stringify(event)}\n`);
    });
  audit
    .command('verify')
    .description('check that no event was changed, removed or inserted')
    .argument('[file]', 'JSON lines of `audit export`; default: the events of the server')
    .option('--head <sequence:hash>', 'the head that an earlier verification printed: it must still exist', head)
    .option('--json', 'print JSON')
    .addHelpText('after', verifyHelp)
    .action((file: string | undefined, options: OutputOptions & { head?: Head }) => verify(server, file, options));
}

type Head = ReturnType<typeof head>;

function head(text: string) {
  const [, sequence, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  if (!sequence || !hash) throw new InvalidArgumentError('must be a sequence number, ":", and a hash');
  return { sequence: Number(sequence), hash };
}

const queryOf = ({ type, actor, client, since, until }: Filter, more: Record<string, string>) =>
  new URLSearchParams({
    ...(type && { type }),
    ...(actor && { actor }),
    ...(client && { client_id: client }),
    ...(since && { since }),
    ...(until && { until }),
    ...more,
  });

async function* eventsOf(server: Server, filter: Filter): AsyncGenerator<AuditEvent> {
  for (let next: string | null = `/admin/audit?${queryOf(filter, { limit: '1000' })}`; next;) {
    const page: { items: AuditEvent[]; next: string | null } = await server.call('GET', next);
    yield* page.items;
    next = page.next;
  }
}

async function tail(
  server: Server,
  { lines, follow, json, ...filter }: Filter & OutputOptions & { lines: number; follow?: boolean },
) {
  const query = queryOf(filter, { order: 'newest', limit: String(Math.min(lines, 1000)) });
  const { items } = await server.call<{ items: AuditEvent[] }>('GET', `/admin/audit?${query}`);
  const printEvent = (event: AuditEvent) => print(json ? JSON.stringify(event) : lineOf(event));
  const events = items.toReversed();
  events.forEach(printEvent);
  if (!follow) return;
  for (let after = events.at(-1)?.sequence ?? 0; ; await sleep(1000)) {
    const query = queryOf(filter, { limit: '1000', after: String(after) });
    const { items: more } = await server.call<{ items: AuditEvent[] }>('GET', `/admin/audit?${query}`);
    more.forEach(printEvent);
    after = more.at(-1)?.sequence ?? after;
  }
}

function lineOf(event: AuditEvent): string {
  const { count, actor, client_id: client, address, details } = event;
  const type = event.outcome === 'refused' ? pc.red(event.type) : pc.green(event.type);
  const parts = [
    client && client !== actor && pc.bold(client),
    count > 1 && `${count} times`,
    ...Object.entries(details).map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    ),
    actor && pc.dim(`by ${actor}`),
    address && pc.dim(`from ${address}`),
  ];
  return [pc.dim(shown(event.occurred_at)), type, ...parts.filter(Boolean)].join(' ');
}

async function verify(server: Server, file: string | undefined, { head, json }: OutputOptions & { head?: Head }) {
  const report = await verifyChain(file ? eventsIn(file) : eventsOf(server, {}), head);
  if (report.broken) process.exitCode = 1;
  if (json) return printJson(report);
  const { events, first, head: last, broken } = report;
  if (broken) return print(`broken at event ${broken.sequence}: ${broken.reason}`);
  if (!first || !last) return print('no events');
  print(`intact: ${events} events, ${first.sequence} to ${last.sequence}`);
  print(`head: ${last.sequence}:${last.hash}`);
  return undefined;
}

async function* eventsIn(file: string): AsyncGenerator<AuditEvent> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number += 1;
    yield eventIn(line, `${file}:${number}`);
  }
}

/** Returns the event unparsed, so that the verification also covers added fields. */
function eventIn(line: string, where: string): AuditEvent {
  try {
    const event = JSON.parse(line) as AuditEvent;
    auditEventSchema.parse(event);
    return event;
  } catch (error) {
    throw new Error(`${where}: not an audit event`, { cause: error });
  }
}

function write(text: string): Promise<void> | void {
  if (process.stdout.write(text)) return;
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}

const verifyHelp = `
Each event holds the hash of the previous one. An attacker who can write to the database could recompute all hashes. To
detect that, keep the head that this command prints in another place, and pass it with --head the next time.
  lanyard audit verify
  lanyard audit verify --head 1234:…`;

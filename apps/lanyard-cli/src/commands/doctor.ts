import type { Finding } from '@lanyard/administration';
import { counted, print, printJson, UsageError, type OutputOptions } from '@lanyard/command-line';
import {
  authorizationServerMetadataUrl,
  openIdConfigurationPath,
  type AuthorizationServerMetadata,
} from '@lanyard/oauth-protocol';
import type { Command } from 'commander';
import type { JSONWebKeySet } from 'jose';
import pc from 'picocolors';
import type { Server } from '../server.ts';

export function addDoctor(program: Command, server: Server): void {
  program
    .command('doctor')
    .description(
      'check a deployment, from outside and from inside: discovery, keys, clocks, database, settings, secrets',
    )
    .option('--json', 'print JSON')
    .action(async ({ json }: OutputOptions) => {
      const findings = (await Promise.all([discovery, keys, diagnosis].map((probe) => safely(probe, server)))).flat();
      if (findings.some(({ status }) => status === 'failure')) process.exitCode = 1;
      if (json) return printJson(findings);
      for (const { check, status, detail } of findings) print(`${signs[status]} ${check.padEnd(20)} ${detail}`);
      const [warnings = 0, failures = 0] = ['warning', 'failure'].map(
        (s) => findings.filter(({ status }) => status === s).length,
      );
      return print(`\n${findings.length} checks, ${counted(warnings, 'warning')}, ${counted(failures, 'failure')}`);
    });
}

const signs = { ok: pc.green('✓'), warning: pc.yellow('!'), failure: pc.red('✗') };

type Probe = (server: Server) => Promise<Finding[]>;

const finding = (
  check: string,
  fault: string | false | undefined,
  detail: string,
  status: Finding['status'] = 'failure',
) => (fault ? { check, status, detail: fault } : { check, status: 'ok' as const, detail });

/** A probe that fails is itself a finding. */
async function safely(probe: Probe, server: Server): Promise<Finding[]> {
  try {
    return await probe(server);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { message, cause } = error as Error & { cause?: { code?: string } };
    return [{ check: probe.name, status: 'failure', detail: cause?.code ? `${message} (${cause.code})` : message }];
  }
}

async function discovery(server: Server): Promise<Finding[]> {
  const response = await server.fetch(server.issuer + openIdConfigurationPath);
  const metadata = (await response.json()) as AuthorizationServerMetadata;
  // Outside the issuer's path, if it has one: a proxy needs a rule for it.
  const address = authorizationServerMetadataUrl(server.issuer);
  const inserted = await server.fetch(address);
  const skew = Math.abs(new Date(response.headers.get('date') ?? 0).getTime() - Date.now()) / 1000;
  const { issuer } = metadata;
  return [
    finding('discovery', issuer !== server.issuer && `the metadata names ${issuer}, not ${server.issuer}`, issuer),
    finding(
      'RFC 8414 address',
      !(await names(inserted, server.issuer)) &&
        `${address} answers ${inserted.status}, without the metadata of this issuer: the proxy must pass it on`,
      address,
      'warning',
    ),
    finding(
      'clock',
      skew > 3 && `differs from the server’s by ${Math.round(skew)} s`,
      'same as the server’s',
      'warning',
    ),
  ];
}

/** Whether a response holds the metadata of this issuer. */
async function names(response: Response, issuer: string): Promise<boolean> {
  const metadata = (await response.json().catch(() => undefined)) as AuthorizationServerMetadata | undefined;
  return response.ok && metadata?.issuer === issuer;
}

async function keys(server: Server): Promise<Finding[]> {
  const response = await server.fetch(`${server.issuer}/.well-known/jwks.json`);
  const { keys: published } = (await response.json()) as JSONWebKeySet;
  const kids = new Set(published.map(({ kid }) => kid));
  const exposed = published.some((key) => 'd' in key || 'k' in key);
  return [
    finding('keys', published.length === 0 && 'the JWK Set is empty', `${published.length} published`),
    finding('key identifiers', kids.size !== published.length && 'two keys have the same kid', 'distinct'),
    finding('private members', exposed && 'the JWK Set contains private keys', 'none published'),
  ];
}

async function diagnosis(server: Server): Promise<Finding[]> {
  const { items } = await server.call<{ items: Finding[] }>('GET', '/admin/diagnosis');
  return [{ check: 'administration', status: 'ok', detail: `as ${server.clientId}` }, ...items];
}

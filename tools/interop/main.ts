/**
 * Runs third-party libraries against Lanyard, with their stock configuration: `npm run interop`, or only some
 * languages with `npm run interop -- javascript go`. Without arguments, languages whose toolchain is missing are left out.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { folderOfClient } from '@lanyard/administration';
import { forge } from '@lanyard/attacks';
import { current, freePort, lanyard, openSigningKeys, queryServer, startSystem } from '@lanyard/local-system';
import { languages, preparations, programs, type Language, type Program } from './programs.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const folderOf = (language: Language) => join(repository, 'examples/interop', language);
const mcp = join(repository, 'examples/mcp');

/** Long enough for the first build of all dependencies. */
const timeout = 600_000;

/** Identifiers as other servers issue them. Neither has a character that Basic must encode: some of the clients do not. */
const clients = { service: '5f0e6a8c-9f0a-4d7c-8f43-1c8a2e9b7a10', agent: '0.agent~4711' };
/** A resource whose validators refuse `at+jwt`. */
const strict = { identifier: 'https://stock.example', scope: 'stock:read' };

interface Outcome {
  code: number;
  out: string;
  err: string;
}

function run(command: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const [program = '', ...args] = command;
  // The Node that runs this program, not another one on the path.
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path, NODE_OPTIONS: '', FORCE_COLOR: '0', ...environment };
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, timeout, maxBuffer: 16 * 1024 * 1024 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) || 1 : 0, out, err: error && !err ? error.message : err }),
    );
  });
}

async function prepare(language: Language): Promise<void> {
  for (const command of preparations[language]) {
    const { code, out, err } = await run(command, folderOf(language));
    if (code !== 0) throw new Error(`${command.join(' ')} failed in ${folderOf(language)}:\n${out}${err}`);
  }
}

/** The languages to run: those that were named, or all whose toolchain is there. */
async function chosen(named: string[]): Promise<Language[]> {
  const unknown = named.filter((name) => !languages.includes(name as Language));
  if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: the languages are ${languages.join(', ')}`);
  if (named.length > 0) return named as Language[];
  const found: Language[] = [];
  for (const language of languages) {
    const [[tool = ''] = []] = preparations[language];
    const { code } = await run([tool, tool === 'go' ? 'version' : '--version'], repository);
    if (code === 0) found.push(language);
    else print(`- ${language}: ${tool} is not installed, left out`);
  }
  return found;
}

/** What a program must print in its last line. */
function expectationOf({ kind, refuses }: Program): string | undefined {
  if (kind === 'client') return '200';
  if (kind === 'agent') return `${clients.agent} sees 3 orders of Ada`;
  if (kind === 'conformance') return undefined;
  const refused = ['expired', 'for another resource', 'malformed', 'of another issuer', 'tampered'];
  const outcomes = refused.map((name) => [name, 'refused']);
  return JSON.stringify(Object.fromEntries([...outcomes, ['valid', refuses ? 'refused' : 'accepted']]));
}

/** The last line, with the members of a JSON object in order. */
function conclusionOf(out: string): string {
  const last = stripVTControlCharacters(out).trim().split('\n').at(-1)?.trim() ?? '';
  if (!last.startsWith('{')) return last;
  const outcomes = JSON.parse(last) as Record<string, string>;
  return JSON.stringify(Object.fromEntries(Object.entries(outcomes).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

const print = (line: string) => process.stdout.write(`${line}\n`);

const chosenLanguages = await chosen(process.argv.slice(2));
const directory = mkdtempSync(join(tmpdir(), 'lanyard-interop-'));
const system = await startSystem({
  directory,
  ports: { authServer: await freePort(), batchProcessor: await freePort(), jobsApi: await freePort() },
  endsWithProcess: true,
});
const mcpUrl = `http://localhost:${await freePort()}/mcp`;
const started: ReturnType<typeof spawn>[] = [];
let passed = 0;
const failures: string[] = [];
try {
  const secrets = system.secretsDirectory;
  const administrator = { SECRETS_DIRECTORY: secrets, MCP_URL: mcpUrl };
  const command = async (...args: string[]) => {
    const { code, out, err } = await lanyard(administrator, args);
    if (code !== 0) throw new Error(`lanyard ${args.join(' ')}: ${err}`);
    return out.trim();
  };
  const registry = {
    resources: [
      { identifier: strict.identifier, name: 'Stock', access_token_typ: 'JWT', scopes: { [strict.scope]: 'Read' } },
    ],
    clients: [
      {
        client_id: clients.service,
        scope: `jobs:read ${strict.scope} orders:read`,
        default_scope: `jobs:read ${strict.scope} orders:read`,
      },
      { client_id: clients.agent, scope: 'orders:read', default_scope: 'orders:read' },
    ],
  };
  await command('apply', join(mcp, 'lanyard.yaml'), '--secrets-directory', secrets);
  const file = join(directory, 'interop.yaml');
  writeFileSync(file, JSON.stringify(registry));
  await command('apply', file, '--secrets-directory', secrets);
  const secretFileOf = (clientId: string) => join(secrets, folderOfClient(clientId), 'client_secret');
  const secretOf = (clientId: string) => readFileSync(secretFileOf(clientId), 'utf8');
  const tokenFor = (resource: string) =>
    command('token', 'get', '--client-id', clients.service, '--resource', resource);

  const install = await run(['npm', 'ci', '--no-fund', '--no-audit', '--loglevel=error'], mcp);
  if (install.code !== 0) throw new Error(`npm ci failed in ${mcp}:\n${install.err}`);
  const types = await run(['npx', 'tsc', '--noEmit', '-p', join(mcp, 'tsconfig.json')], repository);
  if (types.code !== 0) throw new Error(`the types of ${mcp} are wrong:\n${types.out}`);
  const server = spawn(process.execPath, ['tools/run.mjs', 'examples/mcp/server.ts'], {
    cwd: repository,
    env: { ...process.env, ISSUER: system.urls.issuer, MCP_URL: mcpUrl },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  started.push(server);
  while ((await fetch(mcpUrl).catch(() => undefined)) === undefined) {
    if (server.exitCode !== null) throw new Error('the MCP server ended');
    await sleep(50);
  }

  const query = (sql: string) => queryServer(system.postgres.url, 'lanyard_auth', sql);
  const [key] = await openSigningKeys(query, directory, current);
  if (!key) throw new Error('the signing key could not be read');
  /** A valid token, and others that differ from it only in what their name says. */
  const tokensFor = async (resource: string) => {
    const valid = await tokenFor(resource);
    const withClaims = (claims: object) => forge(valid, { claims }, key.privateKey);
    return {
      valid,
      malformed: 'x',
      tampered: `${valid.slice(0, -4)}AAAA`,
      expired: withClaims({ exp: 1_700_000_000 }),
      'for another resource': withClaims({ aud: mcpUrl }),
      'of another issuer': withClaims({ iss: 'https://other.example' }),
    };
  };
  for (const language of chosenLanguages) {
    await prepare(language);
    for (const program of programs.filter((one) => one.language === language)) {
      const resource = program.typ ? strict.identifier : system.urls.jobsApi;
      const clientId = program.kind === 'agent' ? clients.agent : clients.service;
      const { code, out, err } = await run(program.command, folderOf(language), {
        ISSUER: system.urls.issuer,
        API_URL: system.urls.jobsApi,
        MCP_URL: mcpUrl,
        CLIENT_ID: clientId,
        CLIENT_SECRET: secretOf(clientId),
        CLIENT_SECRET_FILE: secretFileOf(clientId),
        RESOURCE: resource,
        SCOPE: program.typ ? strict.scope : 'jobs:read',
        ...(program.kind === 'validator' && { TOKENS: JSON.stringify(await tokensFor(resource)) }),
      });
      const expected = expectationOf(program);
      const isRight = code === 0 && (expected === undefined || conclusionOf(out) === expected);
      print(`${isRight ? '✓' : '✗'} ${language.padEnd(12)} ${program.kind.padEnd(12)} ${program.name}`);
      if (isRight) passed += 1;
      else failures.push(`${language}, ${program.name}: exit code ${code}, expected ${expected}\n${out}${err}`);
    }
  }
} finally {
  for (const child of started) child.kill();
  await system.stop();
  rmSync(directory, { recursive: true, force: true });
}
for (const failure of failures) print(`\n${failure}`);
print(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;

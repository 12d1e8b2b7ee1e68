import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../temporary-directory.ts';
import { ComposeProject } from '@lanyard/local-system/compose';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const page = await readFile(join(repository, 'docs/docker.md'), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\`\\n`, 'gm'))].map(([, text = '']) => text);

let project: ComposeProject;
let directory: string;
beforeAll(async () => {
  project = await ComposeProject.create();
  directory = await temporaryDirectory();
  await cp(join(repository, 'config'), join(directory, 'config'), { recursive: true });
  const logs = { LOG_LEVEL: 'info', LOG_FORMAT: 'text' }; // the defaults
  project.settings = { CONFIG_DIRECTORY: join(directory, 'config'), LANYARD: project.name, ...logs };
});
afterAll(async () => {
  await project.remove();
  await rm(directory, { recursive: true, force: true });
});

/** Adds the entry that the page shows to the file. */
function addOwnClient(): void {
  const [lines = ''] = blocks('yaml');
  const entry = lines.replace(/^.*clients:\n/, '').replaceAll(/^ {3}/gm, '');
  appendFileSync(join(directory, 'config/lanyard.yaml'), entry);
}

/** Words that identify each command, and a pattern that its output matches. */
const expected: [string, RegExp][] = [
  ['up --build', /^/],
  [
    'logs demo',
    /gateway-1 [^\n]*healthy[^]*3 of 3 jobs succeeded[^]*Ready: [^]*finished birdstrikes.csv: 10000 rows[^]*│ succeeded[^]*│ net_generation/,
  ],
  ['token get', /^eyJ\S+\s*$/],
  ['curl', /"access_token":"eyJ/],
  ['submit /mine', /seattle-weather.csv │ succeeded/],
  ['lanyard clients list', /report-generator [^]*nothing to change[^]*✓ database role[^]*0 failures/],
  ['--scale', /^/],
  ['run --rm auth-migration', /client own-client: registered a generated secret/],
  ['examples/own-client', /has a token for jobs:read\nseattle-weather.csv: succeeded/],
  ['report-generator/client_secret', /^\S{32,}$/],
  ['key_encryption_key', /^[\w+/]{43}=\s*$/],
  ['pg_dumpall', /^$/],
  ['down', /^$/],
];

describe('docs/docker.md', () => {
  it('shows commands that work in sequence', async () => {
    const seen = new Set<string>();
    for (const command of blocks('sh')) {
      if (command.includes('run --rm auth-migration')) addOwnClient();
      if (command.includes('docker compose down')) await project.record();
      const real = command
        .replaceAll('localhost:3000', `localhost:${project.ports.AUTH_SERVER_PORT}`)
        .replaceAll('>backup.sql', `>${join(directory, 'backup.sql')}`);
      const output = execFileSync('bash', ['-euo', 'pipefail', '-c', real], {
        cwd: repository,
        env: project.environment,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const rule = expected.find(([words]) => command.includes(words));
      expect([command, rule]).toEqual([command, expect.anything()]);
      expect([command, output]).toEqual([command, expect.stringMatching(rule?.[1] ?? /$^/)]);
      seen.add(rule?.[0] ?? '');
    }
    expect([...seen].toSorted()).toEqual(expected.map(([words]) => words).toSorted());
  }, 300_000);

  it('correctly says that .env.example names every setting with its default', async () => {
    const compose = await readFile(join(repository, 'docker-compose.yml'), 'utf8');
    const settings = new Map(
      [...compose.matchAll(/\$\{(\w+):-((?:\$\{[^}]*\}|[^}])*)\}/g)].map(([, name, value]) => [name, value]),
    );
    const example = await readFile(join(repository, '.env.example'), 'utf8');
    const shown = new Map([...example.matchAll(/^(?:# )?([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
    const nested = (value = '') => value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
    expect(Object.fromEntries(shown)).toEqual(
      Object.fromEntries([...settings].map(([name, value]) => [name, nested(value)])),
    );
  });
});

import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { freePort, lanyard } from '@lanyard/local-system';
import { decodeJwt } from 'jose';
import { basic } from '../basic.ts';
import { call, directory, issuer, jobsApi, batchProcessor, postToken } from '../system-under-test.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const own = mkdtempSync(join(tmpdir(), 'lanyard-cli-'));
const environment = {
  ISSUER: issuer,
  JOBS_API_URL: jobsApi,
  BATCH_PROCESSOR_URL: batchProcessor,
  SECRETS_DIRECTORY: join(directory, 'secrets'),
};
const run = (...args: string[]) => lanyard(environment, args);
/** Runs a command with `--json` and parses its output. */
async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const { code, out, err } = await run(...args, '--json');
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as T;
}
const fileWith = (name: string, text: string) => {
  writeFileSync(join(own, name), text);
  return join(own, name);
};
const secretFile = join(own, 'billing', 'client_secret');

afterAll(async () => {
  await run('clients', 'delete', 'billing', '--yes');
});

describe('lanyard', () => {
  it('exchanges the one-time secret of the first administrator on first use, and only then', async () => {
    const first = await run('clients', 'list');
    expect(first).toMatchObject({
      code: 0,
      err: expect.stringContaining('first use: the one-time secret was exchanged'),
    });
    expect(first.out).toMatch(/batch-processor .*│ jobs:read jobs:write .*│ enabled/);
    expect(statSync(join(directory, 'secrets/administrator/client_secret')).mode & 0o777).toBe(0o600);
    expect(await run('clients', 'list')).toMatchObject({ code: 0, err: '' });
  });

  it('registers a client and writes its secret only to the file [no-secret-in-output, Lanyard]', async () => {
    const created = await run(
      'clients',
      'create',
      'billing',
      '--name',
      'Billing',
      '--scope',
      'jobs:read',
      '--default-scope',
      'jobs:read',
      '--lifetime',
      '10m',
      '--secret-file',
      secretFile,
    );
    const secret = readFileSync(secretFile, 'utf8');
    expect(created).toEqual({ code: 0, out: `client_id      billing\nclient_secret  in ${secretFile}\n`, err: '' });
    expect(statSync(secretFile).mode & 0o777).toBe(0o600);
    expect(await json('clients', 'show', 'billing')).toMatchObject({
      client_name: 'Billing',
      scope: 'jobs:read',
      access_token_lifetime: 600,
      disabled: false,
    });
    const { out: token } = await run('token', 'get', '--client-id', 'billing', '--secret-file', secretFile);
    expect((await call(`${jobsApi}/jobs`, { headers: { authorization: `Bearer ${token.trim()}` } })).status).toBe(200);
    const inspected = await lanyard(environment, ['token', 'inspect'], token);
    expect(inspected.out).toMatch(/^valid: issued by .*\n[^]*scope +jobs:read\n[^]*exp .*\(in 10 minutes\)/);
    const forged = await run('token', 'inspect', `${token.trim().slice(0, -3)}AAA`);
    expect([forged.code, forged.out.split('\n')[0]]).toEqual([
      1,
      'not valid: the access token is invalid (signature verification failed)',
    ]);
    const everything = JSON.stringify([
      await run('clients', 'show', 'billing'),
      await run('secrets', 'list', 'billing'),
      await run('audit', 'export'),
    ]);
    expect(everything).not.toContain(secret);
  });

  it('rotates a secret, and says when the old one is safe to remove', async () => {
    const old = readFileSync(secretFile, 'utf8');
    await run('secrets', 'rotate', 'billing', '--overlap', '1h', '--secret-file', secretFile);
    const fresh = readFileSync(secretFile, 'utf8');
    const status = async (secret: string) =>
      (await postToken({ grant_type: 'client_credentials' }, { authorization: basic('billing', secret) })).status;
    expect([await status(old), await status(fresh)]).toEqual([200, 200]);
    const secrets = await json<{ hint: string; expires_at: string | null }[]>('secrets', 'list', 'billing');
    expect(secrets.map(({ hint, expires_at }) => [hint, expires_at === null])).toEqual([
      [fresh.slice(-4), true],
      [old.slice(-4), false],
    ]);
    const kept = await run('secrets', 'remove', 'billing', old.slice(-4));
    expect([kept.code, kept.err]).toEqual([2, expect.stringMatching(/is not safe to remove: .* Pass --force/)]);
    expect((await run('secrets', 'remove', 'billing', `…${old.slice(-4)}`, '--force', '--yes')).code).toBe(0);
    expect(await status(fresh)).toBe(200);
    expect((await run('secrets', 'list', 'billing')).out).toContain('…');
  });

  it('changes, disables and enables a client', async () => {
    expect(
      await json('clients', 'update', 'billing', '--scope', 'jobs:read jobs:write', '--lifetime', 'default'),
    ).toMatchObject({ scope: 'jobs:read jobs:write', access_token_lifetime: null, client_name: 'Billing' });
    expect(await json('clients', 'disable', 'billing')).toMatchObject({ disabled: true });
    expect(await json<{ client_id: string }[]>('clients', 'list', '--disabled')).toMatchObject([
      { client_id: 'billing' },
    ]);
    expect(await json('clients', 'enable', 'billing')).toMatchObject({ disabled: false });
    expect(await json<object[]>('clients', 'list', '--search', 'BILL', '--limit', '5')).toHaveLength(1);
  });

  it('previews the changes of a file, applies them, and then finds nothing to change', async () => {
    const file = fileWith('lanyard.yaml', 'clients:\n  - client_id: declared\n    client_name: Declared\n');
    const preview = await run('apply', file, '--dry-run');
    expect(preview.out).toMatch(
      /^\+ client declared\n {4}client_name: Declared\n {4}grant_types: \["client_credentials"\][^]*would change: 1\n/,
    );
    expect((await run('clients', 'show', 'declared')).code).toBe(1);
    const applied = await run('apply', file, '--secrets-directory', join(own, 'declared-secrets'));
    expect(applied.out).toContain(`secret written: ${join(own, 'declared-secrets/declared/client_secret')}`);
    expect((await run('apply', file)).out).toBe('nothing to change\n');
    expect((await run('apply', join(repository, 'config/lanyard.yaml'), '--dry-run')).out).toBe('nothing to change\n');
    // One team's file may use scopes that another team's file declares.
    const team = fileWith('team-b.yaml', 'clients:\n  - client_id: team-b\n    scope: jobs:read\n');
    expect((await run('apply', team, '--dry-run')).out).toMatch(/^\+ client team-b\n/);
    const pruned = await run('apply', file, '--prune', '--dry-run');
    expect(pruned.out).toMatch(/- client batch-processor\n/);
    expect(pruned.out).not.toContain('administrator');
    const unconfirmed = await run('apply', file, '--prune');
    expect([unconfirmed.code, unconfirmed.err]).toEqual([2, expect.stringContaining('Pass --yes to confirm.')]);
    expect((await run('clients', 'show', 'batch-processor')).code).toBe(0);
    expect((await run('clients', 'delete', 'declared', '--yes')).code).toBe(0);
  });

  it.each([
    [
      'an error in a file, with its line number',
      ['apply', fileWith('wrong.yaml', 'clients:\n  - client_id: a\n    colour: blue\n')],
      /wrong\.yaml:3: clients\.0\.colour: is not a known field\n$/,
    ],
    [
      'an error that only the registry can find, with its line number',
      ['apply', fileWith('unknown.yaml', 'clients:\n  - client_id: team-b\n    scope: unknown:scope\n'), '--dry-run'],
      /unknown\.yaml:3: clients\.0\.scope: client team-b: no resource has the scope unknown:scope\n$/,
    ],
    [
      'an invalid field',
      ['clients', 'update', 'billing', '--default-scope', '', '--scope', 'unknown:scope'],
      /^The request is invalid, scope: no resource has the scope unknown:scope \(PATCH \S+ answered 400\)\n$/,
    ],
    [
      'a client that already exists',
      ['clients', 'create', 'billing'],
      /^The client exists, billing is taken \(POST \S+ answered 409\)\n$/,
    ],
    [
      'a client that does not exist',
      ['clients', 'show', 'unknown-client'],
      /^Not found, there is no such client \(GET \S+ answered 404\)\n$/,
    ],
    ['text that is not a token', ['token', 'inspect', 'text'], /this is not a JWT\n$/],
  ])('reports %s in one line and exits with 1', async (_, args, message) => {
    const { code, err } = await run(...args);
    expect([code, err]).toEqual([1, expect.stringMatching(message)]);
    expect(err).not.toContain('    at ');
  });

  it.each([
    ['a missing confirmation', ['clients', 'delete', 'billing'], /Pass --yes to confirm\.\n$/],
    ['an update without changes', ['clients', 'update', 'billing'], /^nothing to change/],
    [
      'an invalid duration',
      ['secrets', 'rotate', 'billing', '--overlap', 'soon'],
      /must be a duration such as 15m, 24h or 90d\nsee: lanyard secrets rotate --help\n$/,
    ],
    [
      'an unknown command',
      ['clients', 'frobnicate'],
      /^error: unknown command 'frobnicate'\nsee: lanyard clients --help\n$/,
    ],
    ['a file that does not exist', ['apply', join(own, 'nowhere.yaml')], /nowhere\.yaml cannot be read \(ENOENT\)\n$/],
  ])('reports %s in one line and exits with 2', async (_, args, message) => {
    const { code, err } = await run(...args);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it.each(['doctor', 'clients list', 'audit tail'])(
    'reports an invalid setting once and exits with 2: %s',
    async (command) => {
      const { code, out, err } = await lanyard({ ...environment, ISSUER: 'foo' }, command.split(' '));
      expect([code, out, err]).toEqual([2, '', expect.stringMatching(/^ISSUER: .*\n$/)]);
    },
  );

  it('reports errors as JSON with --json', async () => {
    const { code, out, err } = await run('clients', 'show', 'unknown-client', '--json');
    expect([code, out, JSON.parse(err)]).toEqual([
      1,
      '',
      {
        error: `Not found, there is no such client (GET ${issuer}/admin/clients/unknown-client answered 404)`,
        status: 404,
        problem: expect.objectContaining({ title: 'Not found', detail: 'there is no such client' }),
      },
    ]);
  });

  it('finds the secret of another client to get a first token', async () => {
    const { code, out } = await run('token', 'get', '--client-id', 'batch-processor');
    expect([code, decodeJwt(out).client_id]).toEqual([0, 'batch-processor']);
    const inspected = await lanyard(environment, ['token', 'inspect'], out);
    expect([inspected.code, inspected.out]).toEqual([0, expect.stringMatching(/^valid: /)]);
    writeFileSync(join(own, 'token.txt'), out);
    expect((await run('token', 'revoke', '--token-file', join(own, 'token.txt'))).out).toBe('revoked\n');
  });

  it('reports an unreachable server, a missing secret, and a client without access', async () => {
    const port = await freePort();
    const elsewhere = { ISSUER: `http://localhost:${port}`, CLIENT_SECRET_FILE: secretFile };
    const unreachable = await lanyard({ ...environment, ...elsewhere }, ['clients', 'list']);
    expect([unreachable.code, unreachable.err]).toEqual([
      1,
      expect.stringMatching(/^http:\/\/localhost:\d+ cannot be reached \(.*ECONNREFUSED\)/),
    ]);
    const withoutSecret = await lanyard({ ...environment, SECRETS_DIRECTORY: own }, ['clients', 'list']);
    expect([withoutSecret.code, withoutSecret.err]).toEqual([
      1,
      expect.stringContaining('the client secret cannot be read'),
    ]);
    const withoutAccess = await lanyard({ ...environment, CLIENT_ID: 'billing', CLIENT_SECRET_FILE: secretFile }, [
      'clients',
      'list',
    ]);
    expect([withoutAccess.code, withoutAccess.err]).toEqual([1, expect.stringContaining('invalid_target')]);
  });

  it('shows the audit log, exports it, and detects a changed event [acts-are-audited, Lanyard] [audit-is-append-only, Lanyard]', async () => {
    const tail = await run('audit', 'tail', '--client', 'billing', '-n', '50');
    expect(tail.out).toMatch(/Z client\.created billing .*by administrator from /);
    expect(tail.out).toMatch(/Z client\.disabled billing/);
    expect(tail.out).toMatch(/Z secret\.removed billing/);
    const exported = await run('audit', 'export');
    const file = fileWith('audit.jsonl', exported.out);
    const whole = await run('audit', 'verify', file);
    expect([whole.code, whole.out]).toEqual([
      0,
      expect.stringMatching(/^intact: \d+ events, 1 to \d+\nhead: \d+:[0-9a-f]{64}\n$/),
    ]);
    const [, head = ''] = /head: (\S+)/.exec(whole.out) ?? [];
    expect((await run('audit', 'verify', '--head', head)).code).toBe(0);
    const tampered = fileWith(
      'tampered.jsonl',
      exported.out.replace('"type":"client.disabled"', '"type":"client.enabled"'),
    );
    const broken = await run('audit', 'verify', tampered);
    expect([broken.code, broken.out]).toEqual([
      1,
      expect.stringMatching(/^broken at event \d+: it was changed after it was written\n$/),
    ]);
    expect((await run('audit', 'export', '--type', 'client.deleted', '--since', '1s')).out).toBe('');
  });

  it('examines the deployment', async () => {
    const port = await freePort();
    const { code, out } = await run('doctor');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/✓ discovery[^]*✓ database role +may not alter the schema[^]*0 failures/),
    ]);
    expect((await json<object[]>('doctor')).length).toBeGreaterThan(10);
    const elsewhere = { ISSUER: `http://localhost:${port}`, CLIENT_SECRET_FILE: secretFile };
    const unreachable = await lanyard({ ...environment, ...elsewhere }, ['doctor']);
    expect([unreachable.code, unreachable.out]).toEqual([1, expect.stringMatching(/✗ discovery/)]);
  });

  it('completes commands and shows help', async () => {
    expect((await run('complete', 'bash')).out).toContain('complete -F');
    expect((await run('complete', '--', 'secrets', '')).out).toMatch(
      /^rotate\tadd a new secret and set an expiry on the old ones$/m,
    );
    for (const command of [
      'clients',
      'secrets',
      'resources',
      'apply',
      'keys',
      'token',
      'audit',
      'doctor',
      'bootstrap',
    ]) {
      expect((await run('--help')).out).toContain(`\n  ${command} `);
      expect((await run(command, '--help')).code).toBe(0);
    }
    expect((await json<object[]>('resources', 'list')).length).toBeGreaterThan(1);
    expect(await json<object[]>('keys', 'list')).toContainEqual(expect.objectContaining({ state: 'signing' }));
  });
});

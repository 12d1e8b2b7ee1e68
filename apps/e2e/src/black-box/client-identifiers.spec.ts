import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { jobs, lanyard } from '@lanyard/local-system';
import { decodeJwt } from 'jose';
import { basic } from '../basic.ts';
import { directory, issuer, jobsApi, postToken } from '../system-under-test.ts';

const environment = { ISSUER: issuer, JOBS_API_URL: jobsApi, SECRETS_DIRECTORY: join(directory, 'secrets') };

const identifiers = [
  '5f0e6a8c-9f0a-4d7c-8f43-1c8a2e9b7a10',
  'https://client.example/../..//%2e%2e/%zz?a=b&c=d#e+f:g',
  '--yes',
  `https://client.example/${'%2F../'.repeat(100)}`.slice(0, 255),
];

interface Client {
  client_id: string;
  client_name: string;
  scope: string;
}
interface Secret {
  secret_id: string;
}

/** Commands of `lanyard` on behalf of the administrator. */
async function run(...args: string[]): Promise<string> {
  const { code, out, err } = await lanyard(environment, args);
  expect([code, err.replace(/^first use: .*\n/, '')]).toEqual([0, '']);
  return out;
}
const read = async <T>(group: string, command: string, ...args: string[]): Promise<T> =>
  JSON.parse(await run(group, command, '--json', ...args)) as T;

describe('a client identifier', () => {
  it.each(identifiers)(
    '%s goes through every administrative route, both command lines, Basic, the gateway, files and the audit log [client-identifier-syntax, RFC 6749 §A.1]',
    async (id) => {
      const own = mkdtempSync(join(tmpdir(), 'lanyard-identifiers-'));
      const file = join(own, 'clients.yaml');
      const scopes = { scope: 'jobs:read', default_scope: 'jobs:read' };
      // JSON is YAML; "$" would begin a variable.
      writeFileSync(file, JSON.stringify({ clients: [{ client_id: id, ...scopes }] }));
      const secrets = join(own, 'secrets');
      // A file creates it, and shows no difference afterwards.
      const applied = await run('apply', file, '--secrets-directory', secrets);
      expect(applied).toContain(`+ client ${id}\n`);
      const secretFile = String(/^secret written: (.*)$/m.exec(applied)?.[1]);
      expect(relative(secrets, secretFile)).toMatch(/^[^/]+\/client_secret$/);
      expect(await run('apply', file)).toBe('nothing to change\n');
      expect(existsSync(secretFile)).toBe(true);
      const { client_name: name } = await read<Client>('clients', 'show', '--', id);
      expect(name).toBe(id);
      const wider = ['--scope', 'jobs:read jobs:write clients:read', '--default-scope', 'jobs:read clients:read'];
      await run('clients', 'update', ...wider, '--', id);
      const found = await read<Client[]>('clients', 'list', `--search=${id}`);
      expect(found.map(({ client_id: one, scope }) => [one, scope])).toContainEqual([
        id,
        'jobs:read jobs:write clients:read',
      ]);

      // It authenticates by Basic and by the form, and is the subject of its tokens.
      const secret = () => readFileSync(secretFile, 'utf8');
      const grant = { grant_type: 'client_credentials', scope: 'jobs:read' };
      const statuses = async () => [
        (await postToken(grant, { authorization: basic(id, secret()) })).status,
        (await postToken({ ...grant, client_id: id, client_secret: secret() })).status,
      ];
      expect(await statuses()).toEqual([200, 200]);
      const token = (
        await run('token', 'get', `--client-id=${id}`, '--secret-file', secretFile, '--scope', 'jobs:read')
      ).trim();
      expect(decodeJwt(token)).toMatchObject({ sub: id, client_id: id });
      const asItself = { ...environment, CLIENT_ID: id, CLIENT_SECRET_FILE: secretFile };
      expect(await jobs(asItself, ['list'])).toMatchObject({ code: 0, err: '' });
      const listed = await lanyard(asItself, ['clients', 'list', '--json']);
      expect([listed.code, listed.err, listed.out.includes(JSON.stringify(id))]).toEqual([0, '', true]);

      // Its secrets are rotated, its tokens revoked, and it is disabled, enabled and deleted.
      const [first] = await read<Secret[]>('secrets', 'list', '--', id);
      await run('secrets', 'rotate', '--secret-file', secretFile, '--', id);
      await run('secrets', 'remove', '--force', '--yes', '--', id, String(first?.secret_id));
      expect(await read<Secret[]>('secrets', 'list', '--', id)).toHaveLength(1);
      expect(await statuses()).toEqual([200, 200]);
      await run('token', 'revoke', `--client-id=${id}`, '--yes');
      const revoked = await read<{ client_id: string }[]>('token', 'revoked', `--client-id=${id}`);
      expect(new Set(revoked.map(({ client_id: one }) => one))).toEqual(new Set([id]));
      await run('clients', 'disable', '--', id);
      expect(await statuses()).toEqual([401, 401]);
      await run('clients', 'enable', '--', id);
      expect(await statuses()).toEqual([200, 200]);
      await run('clients', 'delete', '--yes', '--', id);
      expect(await statuses()).toEqual([401, 401]);
      await run('clients', 'create', '--secret-file', secretFile, '--scope', 'jobs:read', '--', id);
      await run('clients', 'delete', '--yes', '--', id);

      const lines = (await run('audit', 'export', `--client=${id}`)).trim().split('\n');
      const events = lines.map((line) => JSON.parse(line) as { type: string; client_id: string });
      expect(new Set(events.map(({ client_id: one }) => one))).toEqual(new Set([id]));
      const types = new Set(events.map(({ type }) => type));
      for (const type of ['client.created', 'client.changed', 'client.disabled', 'client.deleted', 'secret.added']) {
        expect(types).toContain(type);
      }
    },
    60_000,
  );
});

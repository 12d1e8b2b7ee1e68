import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readRecord, recordOutput } from '@lanyard/local-system';
import { recordAuditEvents, recordMetrics } from '../recorded-system.ts';
import { basic } from '../basic.ts';
import {
  batchProcessor,
  call,
  directory,
  inspect,
  issuer,
  jobsApi,
  project,
  query,
  secretOf,
  signingKeys,
  tokenOf,
} from '../system-under-test.ts';
import { findSecrets } from './find-secrets.ts';

let output: string;
let secrets: string[];
beforeAll(async () => {
  await sendMisplacedSecrets();
  for (const service of ['auth-server', 'jobs-api', 'batch-processor'] as const)
    recordMetrics(service, (await inspect(service, '/metrics')).text);
  recordAuditEvents(await query('lanyard_auth', 'SELECT * FROM audit_event'));
  if (project) await project.record();
  else recordOutput('postgres', readFileSync(join(directory, 'postgres/postgres.log'), 'utf8'));

  output = readRecord('output');
  const keys = (await signingKeys()).map(({ privateKey }) => String(privateKey.export({ format: 'jwk' }).d));
  secrets = [...new Set(readRecord('secrets').trim().split('\n')), ...keys];
}, 60_000);

/** Sends secrets and tokens where no service expects them, as callers do by mistake. */
async function sendMisplacedSecrets(): Promise<void> {
  const [secret, token] = [secretOf('jobs-cli'), await tokenOf('jobs-cli')];
  for (const url of [issuer, jobsApi, batchProcessor]) {
    for (const text of [secret, token, basic('jobs-cli', secret)]) {
      const json = JSON.stringify({ [text]: text, client_secret: text });
      await call(`${url}/${encodeURIComponent(text)}`);
      await call(`${url}/jobs/${encodeURIComponent(text)}?${encodeURIComponent(text)}=1`);
      await call(`${url}/oauth/token?client_secret=${encodeURIComponent(text)}`);
      for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect', '/admin/clients', '/jobs', '/runs']) {
        for (const authorization of [basic(text, 'jobs-cli'), text, `Bearer ${text}`, `Basic ${text}`]) {
          const form = new URLSearchParams({
            grant_type: text,
            scope: text,
            resource: text,
            [text]: text,
            token: text,
          });
          if (authorization === text) form.append('client_id', text);
          await call(url + path, { method: 'POST', headers: { authorization }, body: form });
          const headers = { authorization, 'content-type': 'application/json' };
          await call(url + path, { method: 'POST', headers, body: json });
          await call(url + path, { method: 'POST', headers, body: json.slice(0, -1) });
        }
      }
    }
  }
}

describe('the whole run', () => {
  it('puts no secret, token, assertion or key into a log, a metric, an error or the audit log [no-secret-in-output, Lanyard]', () => {
    expect(findSecrets(output, secrets)).toEqual([]);
  }, 120_000);

  it('was recorded completely, with traces and every kind of error', () => {
    const bySource = Map.groupBy(output.trim().split('\n'), sourceOf);
    const lineCounts = Object.fromEntries([...bySource].map(([source, lines]) => [source, lines.length]));
    process.stderr.write(`searched for ${secrets.length} secrets: ${JSON.stringify(lineCounts)}\n`);
    expect(secrets.length).toBeGreaterThan(10);
    for (const service of ['auth-server', 'jobs-api', 'batch-processor']) {
      const lines = bySource.get(service) ?? [];
      expect([service, lines.length > 100]).toEqual([service, true]);
      expect(lines.join('\n')).toMatch(/"level":"debug".*"msg":"request"/);
    }
    const others = project
      ? ['setup', 'auth-migration', 'jobs-migration', 'postgres', 'demo', 'gateway']
      : ['auth-server migration', 'jobs-api migration', 'postgres', 'npm start'];
    const metrics = ['auth-server metrics', 'jobs-api metrics', 'batch-processor metrics'];
    expect(Object.keys(lineCounts)).toEqual(expect.arrayContaining([...others, ...metrics, 'audit log', 'refusal']));

    const refusals = bySource
      .get('refusal')
      ?.map((line) => JSON.parse(line.split('\t')[1] ?? '') as [number, [], string]);
    const kinds = refusals?.map(([status, , text]) => `${status} ${/"error": ?"(\w+)"/.exec(text)?.[1] ?? ''}`.trim());
    const expected = ['400', '401', '403 insufficient_scope', '404', '405', '415', '400 invalid_request'];
    const oauth = ['400 unauthorized_client', '400 unsupported_grant_type', '400 invalid_scope', '400 invalid_target'];
    const outage = project ? [] : ['503 temporarily_unavailable'];
    expect([...new Set(kinds)]).toEqual(
      expect.arrayContaining([...expected, ...oauth, ...outage, '401 invalid_client', '401 invalid_token']),
    );
  });
});

describe('the search', () => {
  const random = 'Zk9-qL_3vR7xT1bN5mW8cY2dF6hJ4gS0aPeUoIiKuXz';
  const key = '3f5c9d0e7a1b4c8f2d6e0a9b3c7f1d5e8a2b6c0d4f9e3a7b';
  const jwt = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from('{"sub":"a"}').toString('base64url')}`;
  it.each([
    ['a client secret', `{"msg":"lanyard_cs_${random}AbCd_w"}`],
    ['a client secret in base64', btoa(`a:lanyard_cs_${random}`)],
    ['a client secret in base64', btoa(`ab:lanyard_cs_${random}`)],
    ['a client secret in base64', btoa(`abc:lanyard_cs_${random}`)],
    ['Basic credentials', `authorization: Basic ${btoa('a:chosen by hand')}`],
    ['a JWT', `{"token":"${jwt}.${random}"}`],
    ['a JWT', `${jwt}.`],
    ['an ES256 signature', `signed by ${random}${random}`],
    ['a private key in PEM', ['-----BEGIN', 'PRIVATE', 'KEY-----\\nMIGH'].join(' ')],
    ['a private key in DER', 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg'],
    ['a private key as JWK', `{"jwk":"{\\"kty\\":\\"EC\\",\\"d\\":\\"${random}\\"}"}`],
    ['a bearer token', `Bearer ${random}`],
    ['an assertion', `client_assertion=${random}`],
    ['a value that must not be logged', `{"password":"chosen-by-hand"}`],
    ['a known secret', `postgres://lanyard:${key}@localhost/lanyard`],
    ['a known secret', `key ${btoa(`1${key}`)}`],
    ['a known secret', `key ${Buffer.from(key).toString('hex')}`],
  ])('finds %s: %s', (kind, line) => {
    const found = findSecrets(`auth-server\t{"msg":"listening"}\nauth-server\t${line}\n`, [key]);
    expect(found.map(({ kind }) => kind)).toContain(kind);
    expect(JSON.stringify(found)).not.toContain(key);
  });

  it('does not report harmless text', () => {
    const harmless = [
      'www-authenticate: Basic realm="lanyard"',
      'Bearer error="invalid_token", error_description="the access token is invalid", resource_metadata="http://localhost"',
      '{"kid":"9bQ2l3Xw_YvKq0TzR5mN8cD1eF4gH7iJ6kL-oPsUaWt","msg":"a signing key signs","client_assertion_type":"jwt"}',
      `{"sha256":"${'0a'.repeat(32)}","request_id":"cd6fdc26-e165-436a-bf7d-fd86c79a5587","password":"[redacted]"}`,
    ];
    expect(findSecrets(harmless.join('\n'), [key])).toEqual([]);
  });
});

function sourceOf(line: string): string {
  const [source = '', text = ''] = line.split('\t');
  return source === 'compose' ? text.replace(/^([a-z-]+?)-\d+\s+\|.*$/, '$1') : source;
}

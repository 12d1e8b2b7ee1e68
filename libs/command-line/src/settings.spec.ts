import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { address, addressesOf, commonSettings, readSettings, secretFileOf, UsageError } from './index.ts';

const schema = commonSettings.extend({ JOBS_API_URL: address.default('http://localhost:3002') });
let secrets: string;
beforeEach(() => {
  secrets = mkdtempSync(join(tmpdir(), 'lanyard-secrets-'));
});
afterEach(() => rmSync(secrets, { recursive: true }));

const read = (environment: NodeJS.ProcessEnv = {}) =>
  readSettings(schema, { SECRETS_DIRECTORY: secrets, ...environment });
const deployed = (addresses: object) => writeFileSync(join(secrets, 'deployment.json'), JSON.stringify(addresses));

it('has the addresses of npm start by default', () => {
  expect(read()).toEqual({
    ISSUER: 'http://localhost:3000',
    JOBS_API_URL: 'http://localhost:3002',
    SECRETS_DIRECTORY: secrets,
    ALLOW_INSECURE_REQUESTS: false,
  });
  expect(readSettings(schema, {}).SECRETS_DIRECTORY).toBe(join('.lanyard', 'secrets'));
  expect(readSettings(schema, { LANYARD_DIRECTORY: '/data' }).SECRETS_DIRECTORY).toBe(join('/data', 'secrets'));
});

it('has the addresses of the deployment that the secrets belong to, if it recorded them', () => {
  deployed({ ISSUER: 'http://localhost:3300', JOBS_API_URL: 'http://localhost:3302', LATER: 'unknown' });
  expect(read()).toMatchObject({ ISSUER: 'http://localhost:3300', JOBS_API_URL: 'http://localhost:3302' });
  expect(read({ JOBS_API_URL: 'http://jobs-api:3002' }).JOBS_API_URL).toBe('http://jobs-api:3002');
});

it('returns the recorded addresses of the deployment, and only for its issuer', () => {
  const deployment = { ISSUER: 'http://localhost:3300', JOBS_API_URL: 'http://localhost:3302' };
  expect(addressesOf(read())).toEqual({});
  deployed(deployment);
  expect(addressesOf(read())).toEqual(deployment);
  expect(addressesOf(read({ ISSUER: 'http://localhost:3000' }))).toEqual({});
});

it('refuses to use a secret with another issuer', () => {
  deployed({ ISSUER: 'http://localhost:3300' });
  const fileOf = (environment: NodeJS.ProcessEnv) => secretFileOf(read(environment), 'jobs-cli');
  expect(() => fileOf({ ISSUER: 'http://localhost:3000', CLIENT_SECRET_FILE: '/run/secret' })).toThrow(
    new UsageError(
      `the secrets in ${secrets} belong to http://localhost:3300, and ISSUER is http://localhost:3000: set SECRETS_DIRECTORY too`,
    ),
  );
  for (const environment of [{}, { ISSUER: 'http://localhost:3300' }]) {
    expect(fileOf(environment)).toBe(join(secrets, 'jobs-cli', 'client_secret'));
  }
});

it.each<[string, NodeJS.ProcessEnv, string]>([
  [
    'an address without its scheme',
    { ISSUER: 'localhost:3300' },
    'ISSUER: must be an address that begins with http://',
  ],
  ['no address', { JOBS_API_URL: 'foo' }, 'JOBS_API_URL: must be an address that begins with http://'],
  [
    'plain http to another host',
    { ISSUER: 'http://auth.example:3000' },
    'ISSUER: http://auth.example:3000 is not https: secrets and tokens could be read in transit',
  ],
  [
    'plain http to another host as the address of the issuer',
    { ISSUER_ADDRESS: 'http://auth-server:3000' },
    'ISSUER_ADDRESS: http://auth-server:3000 is not https',
  ],
  ['neither true nor false', { ALLOW_INSECURE_REQUESTS: 'maybe' }, 'ALLOW_INSECURE_REQUESTS: '],
  [
    'everything at once',
    { ISSUER: 'x', JOBS_API_URL: 'y' },
    'ISSUER: must be an address that begins with http:// or https://\nJOBS_API_URL: ',
  ],
])('names the faulty variable: %s', (_, environment, message) => {
  expect(() => read(environment)).toThrow(UsageError);
  expect(() => read(environment)).toThrow(message);
});

it.each(['1', 'true', 'TRUE', 'yes', 'on'])('reads %s as true, as services do', (text) => {
  expect(read({ ISSUER: 'http://auth-server:3000', ALLOW_INSECURE_REQUESTS: text }).ALLOW_INSECURE_REQUESTS).toBe(true);
});

it('reports a damaged file', () => {
  writeFileSync(join(secrets, 'deployment.json'), '{');
  expect(() => read()).toThrow(/deployment\.json cannot be read: the migration step writes it again$/);
});

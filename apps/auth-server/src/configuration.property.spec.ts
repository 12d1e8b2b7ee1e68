import { describe, expect, it } from '@jest/globals';
import { readConfiguration } from '@lanyard/service-defaults';
import { read, secretiveBetween, testConfiguration } from '@lanyard/service-defaults/configuration.fixture';
import fc from 'fast-check';
import { authServerConfiguration, migrationConfiguration } from './configuration.ts';

const key = `${'A'.repeat(43)}=`;
const sound = {
  DATABASE_URL: 'postgres://u:p@h/n',
  MIGRATION_DATABASE_URL: 'postgres://u:p@h/n',
  KEY_ENCRYPTION_KEY: key,
};

const secretive = secretiveBetween(
  ['http://a.example:', 'https://a.example/', 'https://', 'postgres://u:', '1', `${key}\n`, '::1,', 'info'],
  ['@h/n', `,${key}`, '/'],
);
const right = fc.constantFrom('', ' ', '1', '80', '600', 'true', 'info', 'https://a.example', 'localhost', key);

for (const [name, schema] of Object.entries({ authServerConfiguration, migrationConfiguration })) {
  testConfiguration(`the configuration of the authorization server: ${name}`, {
    schema,
    sound,
    secretive,
    right,
    single: secretive,
    pieces: [' ', ',', 'A', `${key},`, '=', '/', ':', '1', '1.', 'https://', '@', '%41', '-', '\n', '+'],
  });
}

describe('KEY_ENCRYPTION_KEY', () => {
  it('has as many keys as were written, however they are separated [key-encryption, Lanyard]', () => {
    const one = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    const separator = fc.constantFrom('\n', ',', ', ', '\r\n', ' \n\n ');
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 4 }), separator, (keys, separator) => {
        const { KEY_ENCRYPTION_KEY } = readConfiguration(authServerConfiguration, {
          ...sound,
          KEY_ENCRYPTION_KEY: keys.join(separator),
        });
        expect(KEY_ENCRYPTION_KEY).toEqual(keys);
      }),
    );
  });
});

describe('ISSUER', () => {
  const faultOf = (ISSUER: string) => {
    const found = read(authServerConfiguration, { ...sound, ISSUER });
    return Array.isArray(found) ? found : undefined;
  };

  it.each([
    ['https://auth.example'],
    ['http://localhost:3000'],
    ['https://auth.example/auth'],
    ['https://auth.example/Auth/realms/a-b_c.d~e'],
    ['https://[2001:db8::1]/auth'],
    ['https://auth.example:8443/oauth'],
  ])('may be %s [issuer-is-its-address, RFC 8414 §3.3]', (ISSUER) => expect(faultOf(ISSUER)).toBeUndefined());

  const other = 'must be only scheme, host, port and path, without a trailing slash';
  it.each([
    ['https://Auth.example', 'must be in lower case, except for the path'],
    ['HTTPS://auth.example/auth', 'must be in lower case, except for the path'],
    ['https://auth.example:443', 'must be without :443, which is the default'],
    ['http://auth.example:80/auth', 'must be without :80, which is the default'],
    ['https://auth.example/', other],
    ['https://auth.example/auth/', other],
    ['https://auth.example//auth', other],
    ['https://auth.example/a/../auth', other],
    ['https://auth.example/%61uth', other],
    ['https://auth.example/a b', other],
    ['https://auth.example/auth?x', other],
    ['https://auth.example/auth#x', other],
    ['https://auth.example?', other],
    ['https://me@auth.example/auth', other],
  ])('cannot be %s, for a reason [issuer-is-its-address, RFC 8414 §3.3]', (ISSUER, reason) => {
    expect(faultOf(ISSUER)).toEqual([expect.stringContaining(`ISSUER: ${reason}`)]);
  });

  it('is only scheme, host, port and path, written in the one way [issuer-is-its-address, RFC 8414 §3.3]', () => {
    const address = fc.oneof(
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc
        .tuple(
          fc.constantFrom('http', 'https', 'ftp', ''),
          fc.domain(),
          fc.constantFrom('', ':8443', ':443', '/', '/a', '/a/b.c', '/a/', '?a'),
        )
        .map(([scheme, domain, end]) => `${scheme}://${domain}${end}`),
      fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.trim() || 'x'),
    );
    fc.assert(
      fc.property(address, (ISSUER) => {
        const found = read(authServerConfiguration, { ...sound, ISSUER });
        const { origin = '', pathname = '' } = URL.parse(ISSUER) ?? {};
        const path = pathname === '/' ? '' : pathname;
        const isPlain =
          path === '' ||
          path
            .slice(1)
            .split('/')
            .every((segment) => /^[A-Za-z0-9._~-]+$/.test(segment));
        const isOne = /^https?:/.test(ISSUER) && ISSUER === origin + path && isPlain;
        expect(Array.isArray(found) ? found : (found as { ISSUER: string }).ISSUER).toEqual(
          isOne ? ISSUER : [expect.stringMatching(/^ISSUER: must be /)],
        );
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { readConfiguration } from '@lanyard/service-defaults';
import fc from 'fast-check';
import { authServerConfiguration, migrationConfiguration } from './configuration.ts';

const key = `${'A'.repeat(43)}=`;
const sound = {
  DATABASE_URL: 'postgres://u:p@h/n',
  MIGRATION_DATABASE_URL: 'postgres://u:p@h/n',
  KEY_ENCRYPTION_KEY: key,
};
const schemas = { authServerConfiguration, migrationConfiguration };

/** The configuration, or the lines of the message; any other error than the reader's own is thrown. */
function read(schema: (typeof schemas)[keyof typeof schemas], environment: NodeJS.ProcessEnv): object {
  try {
    return readConfiguration(schema, environment);
  } catch (error) {
    if ((error as Error).name === 'ConfigurationError') return (error as Error).message.split('\n');
    throw error;
  }
}

/** The lines that do not begin with a variable's name, or that repeat a secret. */
const indiscreet = (found: object, names: string[]) =>
  [...new Set(Array.isArray(found) ? (found as string[]) : [])].filter(
    (line) => line.includes('hunter2') || !names.includes(/^([A-Z_]+)( is not set$|: .)/.exec(line)?.[1] ?? ''),
  );

const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));
/** What might be right, with a secret in it. */
const secretive = fc
  .tuple(
    fc.constantFrom(
      '',
      'http://a.example:',
      'https://a.example/',
      'https://',
      'postgres://u:',
      '1',
      `${key}\n`,
      '::1,',
      'info',
    ),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '@h/n', `,${key}`, '/'),
  )
  .map(([start, text, end]) => `${start}hunter2-${text.replaceAll('\0', '')}${end}`);
const right = fc.constantFrom('', ' ', '1', '80', '600', 'true', 'info', 'https://a.example', 'localhost', key);

describe.each(Object.entries(schemas))('the configuration of the authorization server: %s', (_, schema) => {
  const names = Object.keys(schema.shape);

  it('is read, or refused by the names of its variables [configuration-errors-name-no-value, Lanyard]', () => {
    const value = fc.oneof(secretive, right);
    const environment = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
    fc.assert(
      fc.property(environment, (environment) => {
        expect(indiscreet(read(schema, { ...sound, ...environment }), names)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('is refused by the name of the one variable that is wrong [configuration-errors-name-no-value, Lanyard]', () => {
    expect(read(schema, sound)).not.toBeInstanceOf(Array);
    fc.assert(
      fc.property(fc.constantFrom(...names), secretive, (name, value) => {
        const found = read(schema, { ...sound, [name]: value });
        expect(indiscreet(found, [name])).toEqual([]);
      }),
    );
  });

  it.each([' ', ',', 'A', `${key},`, '=', '/', ':', '1', '1.', 'https://', '@', '%41', '-', '\n', '+'])(
    'is read or refused with 100,000 characters of %j [configuration-errors-name-no-value, Lanyard]',
    (piece) => {
      for (const value of [long(piece), `${long(piece)}!`, `https://a.example/${long(piece)}`]) {
        const found = read(schema, Object.fromEntries(names.map((name) => [name, value])));
        expect(indiscreet(found, names)).toEqual([]);
      }
    },
  );
});

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
  it('is scheme, host and port alone [issuer-is-its-address, RFC 8414 §3.3]', () => {
    const address = fc.oneof(
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc
        .tuple(
          fc.constantFrom('http', 'https', 'ftp', ''),
          fc.domain(),
          fc.constantFrom('', ':8443', ':443', '/', '/a', '?a'),
        )
        .map(([scheme, domain, end]) => `${scheme}://${domain}${end}`),
      fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.trim() || 'x'),
    );
    fc.assert(
      fc.property(address, (ISSUER) => {
        const found = read(authServerConfiguration, { ...sound, ISSUER });
        const isOne = URL.canParse(ISSUER) && /^https?:/.test(ISSUER) && new URL(ISSUER).origin === ISSUER;
        expect(Array.isArray(found) ? found : (found as { ISSUER: string }).ISSUER).toEqual(
          isOne ? ISSUER : [expect.stringMatching(/^ISSUER: must be /)],
        );
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { readConfiguration } from '@lanyard/service-defaults';
import fc from 'fast-check';
import { jobsApiConfiguration, migrationConfiguration } from './configuration.ts';

const sound = {
  DATABASE_URL: 'postgres://u:p@h/n',
  MIGRATION_DATABASE_URL: 'postgres://u:p@h/n',
  CLIENT_SECRET_FILE: '/run/secret',
};
const schemas = { jobsApiConfiguration, migrationConfiguration };

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
    fc.constantFrom('', 'http://a.example:', 'https://a.example/', 'https://', 'postgres://u:', '1', '::1,', 'info'),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '@h/n', '/'),
  )
  .map(([start, text, end]) => `${start}hunter2-${text.replaceAll('\0', '')}${end}`);
const right = fc.constantFrom('', ' ', '1', '80', '600', 'true', 'info', 'https://a.example', 'accept');

describe.each(Object.entries(schemas))('the configuration of the jobs API: %s', (_, schema) => {
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
      fc.property(fc.constantFrom(...names), fc.oneof(secretive, right), (name, value) => {
        expect(indiscreet(read(schema, { ...sound, [name]: value }), [name])).toEqual([]);
      }),
    );
  });

  it.each([' ', ',', '/', ':', '1', '1.', 'https://', 'postgres://', '@', '%41', '-', '\n'])(
    'is read or refused with 100,000 characters of %j [configuration-errors-name-no-value, Lanyard]',
    (piece) => {
      for (const value of [long(piece), `${long(piece)}!`, `https://a.example/${long(piece)}`]) {
        const found = read(schema, Object.fromEntries(names.map((name) => [name, value])));
        expect(indiscreet(found, names)).toEqual([]);
      }
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import { indiscreet, long, read, secretiveBetween, someOf } from '@lanyard/service-defaults/configuration.fixture';
import fc from 'fast-check';
import { jobsApiConfiguration, migrationConfiguration } from './configuration.ts';

const sound = {
  DATABASE_URL: 'postgres://u:p@h/n',
  MIGRATION_DATABASE_URL: 'postgres://u:p@h/n',
  CLIENT_SECRET_FILE: '/run/secret',
};
const schemas = { jobsApiConfiguration, migrationConfiguration };

const secretive = secretiveBetween(
  ['http://a.example:', 'https://a.example/', 'https://', 'postgres://u:', '1', '::1,', 'info'],
  ['@h/n', '/'],
);
const right = fc.constantFrom('', ' ', '1', '80', '600', 'true', 'info', 'https://a.example', 'accept');

describe.each(Object.entries(schemas))('the configuration of the jobs API: %s', (_, schema) => {
  const names = Object.keys(schema.shape);

  it('is read, or refused by the names of its variables [configuration-errors-name-no-value, Lanyard]', () => {
    fc.assert(
      fc.property(someOf(names, fc.oneof(secretive, right)), (environment) => {
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

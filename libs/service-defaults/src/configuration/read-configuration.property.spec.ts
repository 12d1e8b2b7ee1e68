import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { databaseConfiguration, resourceServerConfiguration, serviceConfiguration } from './common-configuration.ts';
import { indiscreet, long, read, secretiveBetween, testConfiguration } from './configuration.fixture.ts';

const schema = serviceConfiguration.extend(databaseConfiguration.shape).extend(resourceServerConfiguration.shape);
const names = Object.keys(schema.shape);
const sound = { PORT: '80', DATABASE_URL: 'postgres://u:p@h/n', CLIENT_ID: 'a', CLIENT_SECRET_FILE: '/run/secret' };
const directory = mkdtempSync(join(tmpdir(), 'lanyard-'));
afterAll(() => rmSync(directory, { recursive: true }));

const secretive = secretiveBetween(
  ['https://', 'https://a.example/', 'postgres://u:', '1', '10.0.0.0/8,', '::1,', 'true', 'info', '/run/'],
  ['@h/n', ',loopback'],
);
const right = fc.constantFrom('', ' ', '1', '80', '10', 'loopback', 'true', 'info', 'accept', 'https://a.example');

testConfiguration('the configuration of a service', {
  schema,
  sound,
  secretive,
  right,
  pieces: [' ', ',', ':', '1:', '::', 'f:', '/', '1.', '10.0.0.0/8,', '::1/1', 'https://', '@', '%41', '-1', '\n'],
});

describe('the configuration of a service', () => {
  it('does not repeat the content of a file [configuration-errors-name-no-value, Lanyard]', () => {
    const file = join(directory, 'value');
    const readFromFile = fc.constantFrom(...names.filter((name) => !name.endsWith('_FILE')));
    fc.assert(
      fc.property(readFromFile, fc.oneof(secretive, right), (name, value) => {
        writeFileSync(file, `${value}\n`);
        const fromFile = read(schema, { ...sound, [name]: undefined, [`${name}_FILE`]: file });
        const direct = read(schema, { ...sound, [name]: value.trim() });
        if (value.trim() !== '') expect(fromFile).toEqual(direct);
        expect(indiscreet(fromFile, names)).toEqual([]);
      }),
    );
  });

  it('keeps the value of variables that accept any text [configuration-round-trip, Lanyard]', () => {
    const text = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(text, text, fc.integer({ min: 1, max: 65_535 }), (HOST, CLIENT_ID, PORT) => {
        expect(read(schema, { ...sound, HOST, CLIENT_ID, PORT: String(PORT) })).toMatchObject({
          HOST,
          CLIENT_ID,
          PORT,
        });
      }),
    );
  });

  // Every entry has its own line.
  it.each(['a,', '1,', '::,'])(
    'is refused with 10,000 characters of %j [configuration-errors-name-no-value, Lanyard]',
    (piece) => {
      expect(indiscreet(read(schema, everywhere(long(piece).slice(0, 10_000))), names)).toEqual([]);
    },
  );

  const everywhere = (value: string) => Object.fromEntries(names.map((name) => [name, value]));
});

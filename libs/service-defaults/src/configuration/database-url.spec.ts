import { expect, it } from '@jest/globals';
import { z } from 'zod';
import { readConfiguration } from './read-configuration.ts';
import { databaseUrl } from './database-url.ts';

const schema = z.object({ DATABASE_URL: databaseUrl });
const read = (url: string) => readConfiguration(schema, { DATABASE_URL: url }).DATABASE_URL;

it.each([
  'postgres://u:p@h:5432/n',
  'postgresql://u:ab%25cd@h/n?sslmode=verify-full',
  'postgres://u:s3cr%et@h/n',
  'postgres://u:p@localhost/n?host=%2Fvar%2Frun%2Fpostgresql',
])('accepts %s', (url) => {
  expect(read(url)).toBe(url);
});

it.each([
  ['mysql://u:p@h/n', 'must be a postgres:// address'],
  ['u:p@h/n', 'must be a postgres:// address'],
  ['postgres://u:s3cret%cd@h/n', 'has a % in its user, password or database that is not encoded: write it as %25'],
  [
    'postgres://u:s3cret@h/n?sslmode=verify-full&sslrootcert=/nowhere/ca.pem',
    'names a file that cannot be read (ENOENT): /nowhere/ca.pem',
  ],
])(
  'describes the fault of %s without repeating the value [configuration-errors-name-no-value, Lanyard]',
  (url, message) => {
    expect(() => read(url)).toThrow(expect.objectContaining({ message: `DATABASE_URL: ${message}` }));
  },
);

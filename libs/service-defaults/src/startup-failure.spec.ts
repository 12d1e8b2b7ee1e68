import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from './configuration/startup-error.ts';
import { mayPass } from './database/may-pass.ts';
import { explain } from './startup-failure.ts';

const failure = (fields: object) => Object.assign(new Error('original'), fields);

describe('explain', () => {
  it.each([
    [
      'an invalid configuration',
      new ConfigurationError('PORT is not set\nISSUER is not set'),
      ['PORT is not set', 'ISSUER is not set'],
    ],
    [
      'a port that is in use',
      failure({ code: 'EADDRINUSE', port: 3000 }),
      ['port 3000 is already in use: stop the program that uses it, or set PORT'],
    ],
    [
      'a management port that is in use',
      failure({ code: 'EADDRINUSE', port: 3100, isManagement: true }),
      ['port 3100 is already in use: stop the program that uses it, or set MANAGEMENT_PORT'],
    ],
    [
      'a privileged port',
      failure({ code: 'EACCES', port: 80 }),
      ['port 80 may not be used by this user: set PORT to 1024 or above'],
    ],
    [
      'a database that is down',
      failure({ code: 'ECONNREFUSED', address: '127.0.0.1', port: 5432 }),
      ['the database does not answer at 127.0.0.1:5432: is it running, and is DATABASE_URL right?'],
    ],
    [
      'a wrong password',
      failure({ code: '28P01' }),
      ['the database refuses the user or password of DATABASE_URL (original)'],
    ],
    [
      'a certificate that is not trusted',
      Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      ['the TLS connection to the database of DATABASE_URL failed: self-signed certificate'],
    ],
    [
      'a server without TLS',
      new Error('The server does not support SSL connections'),
      ['the TLS connection to the database of DATABASE_URL failed: The server does not support SSL connections'],
    ],
    [
      'a pooler that accepts no settings',
      Object.assign(new Error('unsupported startup parameter: statement_timeout'), { code: '08P01' }),
      [
        'the pooler of DATABASE_URL refuses a setting of the connection (unsupported startup parameter: statement_timeout): ' +
          'let it ignore statement_timeout and idle_in_transaction_session_timeout (docs/operations.md, "Poolers")',
      ],
    ],
    [
      'a database that is restarting',
      failure({ code: '57P01' }),
      ['the database ended the connection: is it restarting? (original)'],
    ],
    [
      'a missing schema',
      failure({ code: '42P01' }),
      ['the database has no schema yet: run the migration first (original)'],
    ],
  ])('describes %s with a line for each fault', (_, error, lines) => {
    expect(explain(error)).toEqual(lines);
  });

  it.each([
    [
      'a pooler whose database is down',
      { code: '08P01', message: 'server login has been failing, try again later' },
      true,
    ],
    ['a pooler without this database', { code: '08P01', message: 'no such database: x' }, false],
    ['a pooler that accepts no settings', { code: '08P01', message: 'unsupported startup parameter: x' }, false],
    ['a host that is not known yet', { code: 'EAI_AGAIN' }, true],
    ['a host that does not answer', { message: 'Connection terminated due to connection timeout' }, true],
    ['too many connections', { code: '53300' }, true],
    ['a wrong password', { code: '28P01' }, false],
    ['a certificate that is not trusted', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, false],
  ])('knows whether %s may pass', (_, fields, expected) => {
    expect(mayPass(failure(fields))).toBe(expected);
    expect(explain(failure(fields))).toHaveLength(1);
    expect(explain(failure(fields))[0]).not.toContain('    at ');
  });

  it('does not advise the migration to run the migration', () => {
    expect(explain(failure({ code: '42P01' }), 'MIGRATION_DATABASE_URL')).toEqual([
      'the schema is not what the migration expects: original',
    ]);
  });

  it('names the variable that the program reads', () => {
    const error = failure({ code: 'ECONNREFUSED', address: '127.0.0.1', port: 5432 });
    expect(explain(error, 'MIGRATION_DATABASE_URL')).toEqual([
      'the database does not answer at 127.0.0.1:5432: is it running, and is MIGRATION_DATABASE_URL right?',
    ]);
  });

  it('keeps the stack of unknown errors', () => {
    expect(explain(new Error('surprise'))[0]).toMatch(/surprise\n\s+at /);
  });
});

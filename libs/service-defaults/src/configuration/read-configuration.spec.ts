import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { readConfiguration, renamedSettings } from './read-configuration.ts';

const schema = z.object({
  PORT: z.coerce.number().int().max(65_535),
  SECRET: z.string().min(32, 'must have 32 characters or more'),
  LIFETIME: z.coerce.number().default(600),
});
const file = (content: string | Buffer) => {
  const path = join(mkdtempSync(join(tmpdir(), 'lanyard-')), 'secret');
  writeFileSync(path, content);
  return path;
};
const secret = 'x'.repeat(32);

describe('readConfiguration', () => {
  it('reads, converts and fills in defaults', () => {
    expect(readConfiguration(schema, { PORT: '80', SECRET: secret, LIFETIME: '' })).toEqual({
      PORT: 80,
      SECRET: secret,
      LIFETIME: 600,
    });
  });

  it('reads a value from a file, without the line break at its end', () => {
    for (const content of [`${secret}\n`, `\uFEFF${secret}\r\n`, Buffer.from(`\uFEFF${secret}\r\n`, 'utf16le')]) {
      expect(readConfiguration(schema, { PORT: '80', SECRET_FILE: file(content) }).SECRET).toBe(secret);
    }
  });

  it.each([
    ['a missing variable', { SECRET: secret }, /^PORT is not set$/],
    [
      'an invalid variable, without its value [configuration-errors-name-no-value, Lanyard]',
      { PORT: 'eighty', SECRET: secret },
      /^PORT: (?!.*eighty)/,
    ],
    [
      'a short secret, without its value [configuration-errors-name-no-value, Lanyard]',
      { PORT: '80', SECRET: 'hunter2' },
      /^SECRET: must have 32 characters or more$/,
    ],
    ['two sources', { PORT: '80', SECRET: secret, SECRET_FILE: file(secret) }, /SECRET and SECRET_FILE are both set/],
    [
      'a file that is missing',
      { PORT: '80', SECRET_FILE: '/nowhere' },
      /^SECRET_FILE cannot be read \(ENOENT\): \/nowhere$/,
    ],
    [
      'a file that is not text',
      { PORT: '80', SECRET_FILE: file(Buffer.from('hush', 'utf16le')) },
      /^SECRET_FILE: \/.*\/secret has a NUL character, as UTF-16 without a byte order mark has: save it as UTF-8$/,
    ],
    ['all faults at once', {}, /PORT is not set\nSECRET is not set/],
  ])('names %s', (_, environment, message) => {
    expect(() => readConfiguration(schema, environment)).toThrow(message);
  });

  it('reads a renamed setting under its former name too, and reports it', () => {
    const renamed = schema.extend({
      LIFETIME: schema.shape.LIFETIME.describe('seconds').meta({ formerName: 'TTL' }),
    });
    const environment = { PORT: '80', SECRET: secret, TTL: '60' };
    expect(readConfiguration(renamed, environment).LIFETIME).toBe(60);
    expect(readConfiguration(renamed, { ...environment, LIFETIME: '90' }).LIFETIME).toBe(90);
    expect(renamedSettings(renamed, environment)).toEqual([
      'TTL is now called LIFETIME: the former name is accepted in this release only',
    ]);
    expect(renamedSettings(renamed, { ...environment, TTL: '', LIFETIME: '90' })).toEqual([]);
    expect(renamedSettings(renamed, { ...environment, LIFETIME: '90' })).toEqual([
      'TTL is ignored, since LIFETIME is set: it is the new name of the same setting',
    ]);
    const fromFile = { PORT: '80', SECRET: secret, TTL_FILE: file('60\n') };
    expect(readConfiguration(renamed, fromFile).LIFETIME).toBe(60);
    expect(renamedSettings(renamed, fromFile)).toHaveLength(1);
    expect(() => readConfiguration(renamed, { ...environment, TTL: 'long' })).toThrow(/^TTL: must be a number$/);
  });
});

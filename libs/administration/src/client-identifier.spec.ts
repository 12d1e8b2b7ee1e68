import { describe, expect, it } from '@jest/globals';
import { basicCredentials } from '@lanyard/oauth-protocol';
import fc from 'fast-check';
import { faultOfClientIdentifier, folderOfClient, isClientIdentifier } from './client-identifier.ts';

const visible = Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCodePoint(0x21 + index));
const identifier = fc
  .string({ unit: fc.constantFrom(...visible), minLength: 1, maxLength: 255 })
  .filter((text) => isClientIdentifier(text));

describe('a client identifier', () => {
  it.each([
    'batch-processor',
    'a',
    '1',
    '-a',
    'a'.repeat(255),
    '5f0e6a8c-9f0a-4d7c-8f43-1c8a2e9b7a10',
    'https://client.example/metadata.json',
    'api://5f0e6a8c',
    'a/../b',
    '...',
    '%2e%2e',
    'urn:example:a?b#c',
    'lanyard',
  ])('may be %s [client-identifier-syntax, RFC 6749 §A.1]', (text) => {
    expect(faultOfClientIdentifier(text)).toBeUndefined();
  });

  it.each([
    ['', 'must have 1 to 255 characters'],
    ['a'.repeat(256), 'must have 1 to 255 characters'],
    ['a b', 'must have only visible ASCII characters and no spaces, RFC 6749 appendix A.1'],
    ['a\0', 'must have only visible ASCII characters and no spaces, RFC 6749 appendix A.1'],
    ['a\n', 'must have only visible ASCII characters and no spaces, RFC 6749 appendix A.1'],
    ['é', 'must have only visible ASCII characters and no spaces, RFC 6749 appendix A.1'],
    ['.', 'must not be "." or "..", which disappear from URLs'],
    ['..', 'must not be "." or "..", which disappear from URLs'],
    ['lanyard:auth-server', 'must not begin with "lanyard:", the prefix of the server itself in the audit log'],
    ['LANYARD:migration', 'must not begin with "lanyard:", the prefix of the server itself in the audit log'],
    ['lanyard_cs_x', 'must not begin with "lanyard_cs_", the prefix of client secrets'],
  ])('cannot be %j, for a reason [client-identifier-confusion, RFC 9700 §4.15]', (text, reason) => {
    expect(faultOfClientIdentifier(text)).toBe(reason);
  });

  it('has 1 to 255 visible ASCII characters [client-identifier-syntax, RFC 6749 §A.1]', () => {
    const almost = fc.string({ unit: fc.constantFrom('a', '~', '!', '/', '%', ' ', '\n', '\x7F', 'é', '😀') });
    const lengthy = fc.string({ unit: fc.constantFrom(...visible), minLength: 245, maxLength: 265 });
    fc.assert(
      fc.property(fc.oneof(almost, lengthy, fc.string({ unit: 'binary' })), (text) => {
        const isOne = text.length >= 1 && text.length <= 255 && Array.from(text).every((c) => visible.includes(c));
        expect(isClientIdentifier(text)).toBe(isOne && !['.', '..'].includes(text));
      }),
    );
  });

  it('is unchanged by a URL, by Basic and by a query [client-identifier-syntax, RFC 6749 §A.1]', () => {
    fc.assert(
      fc.property(identifier, (id) => {
        const { pathname } = new URL(`https://a.example/admin/clients/${encodeURIComponent(id)}/secrets`);
        const segments = pathname.split('/');
        expect([segments.length, decodeURIComponent(segments[3] ?? '')]).toEqual([5, id]);
        const [encoded = ''] = Buffer.from(basicCredentials(id, 'x:y').slice(6), 'base64').toString().split(':');
        expect(new URLSearchParams(`id=${encoded}`).get('id')).toBe(id);
      }),
    );
  });

  it.each(['a', 'a.', '-', '\n', 'é', '%', ':'])(
    'is not 100,000 characters of %j [client-identifier-syntax, RFC 6749 §A.1]',
    (piece) => {
      expect(isClientIdentifier(piece.repeat(100_000))).toBe(false);
    },
  );
});

describe('the folder of a client', () => {
  it.each([
    ['batch-processor', 'batch-processor'],
    ['Team.service_1', 'Team.service_1'],
    ['https://a.example/x', 'https%3A%2F%2Fa.example%2Fx'],
    ['../../etc/passwd', '%2E.%2F..%2Fetc%2Fpasswd'],
    ['...', '%2E..'],
    ['.hidden', '%2Ehidden'],
    ['%2e%2e', '%252e%252e'],
    ['C:\\Windows', 'C%3A%5CWindows'],
    ['~', '%7E'],
  ])('of %s is %s [client-folders, Lanyard]', (id, folder) => {
    expect(folderOfClient(id)).toBe(folder);
  });

  it('is one short, plain name, and of no other client [client-folders, Lanyard]', () => {
    fc.assert(
      fc.property(fc.uniqueArray(identifier, { minLength: 2 }), (ids) => {
        const folders = ids.map(folderOfClient);
        for (const folder of folders) expect(folder).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9._%-]{0,199}$/);
        expect(new Set(folders).size).toBe(ids.length);
      }),
    );
    const long = ['a', 'b'].map((end) => `${'/'.repeat(254)}${end}`);
    expect(new Set(long.map(folderOfClient)).size).toBe(2);
    expect(folderOfClient(long[0] ?? '')).toMatch(/^(%2F){40}%-[\da-f]{64}$/);
  });
});

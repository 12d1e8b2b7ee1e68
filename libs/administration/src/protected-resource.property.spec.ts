import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { administrationOf, isReservedIdentifier } from './protected-resource.ts';

const issuer = 'https://issuer.example';
const withPath = `${issuer}/Auth/one`;
const own = fc.constantFrom('', 'admin', 'oauth', '.well-known');
const encoded = (text: string) =>
  Array.from(text, (character) => `%${character.codePointAt(0)!.toString(16).padStart(2, '0')}`).join('');
const spelling = fc.constantFrom(
  (path: string) => path,
  (path: string) => path.toUpperCase(),
  (path: string) => (path.startsWith('.') ? path : encoded(path)),
  (path: string) => `/${path}`,
  (path: string) => `x/../${path}`,
);
const end = fc.constantFrom('', '/', '/x', '?x', '?x#y', '//');
const origin = fc.constantFrom(
  issuer,
  'https://ISSUER.example',
  'https://issuer.example:443',
  'https://me@issuer.example',
);

describe('an identifier of the authorization server itself', () => {
  it('is recognised in every spelling [reserved-identifiers, Lanyard]', () => {
    expect(isReservedIdentifier(administrationOf(issuer), issuer)).toBe(true);
    expect(isReservedIdentifier(issuer, issuer)).toBe(true);
    fc.assert(
      fc.property(origin, own, spelling, end, (from, path, spelt, rest) => {
        expect(isReservedIdentifier(`${from}/${spelt(path)}${path === '' ? '' : rest}`, issuer)).toBe(true);
      }),
    );
  });

  it('is below the path of the issuer, in every spelling [reserved-identifiers, Lanyard]', () => {
    expect(isReservedIdentifier(administrationOf(withPath), withPath)).toBe(true);
    expect(isReservedIdentifier(withPath, withPath)).toBe(true);
    fc.assert(
      fc.property(origin, own, spelling, spelling, end, (from, path, spelt, speltBefore, rest) => {
        const identifier = `${from}/${speltBefore('Auth')}/one/${spelt(path)}${path === '' ? '' : rest}`;
        expect(isReservedIdentifier(identifier, withPath)).toBe(true);
      }),
    );
    for (const other of ['', '/admin', '/auth', '/auth/two/admin', '/authx/one/admin', '/auth/one/jobs']) {
      expect([other, isReservedIdentifier(issuer + other, withPath)]).toEqual([other, false]);
    }
  });

  it('has the same origin and one of the reserved paths [reserved-identifiers, Lanyard]', () => {
    const segment = fc.stringMatching(/^[a-z0-9_-]{1,20}$/).filter((text) => !['admin', 'oauth'].includes(text));
    fc.assert(
      fc.property(segment, own, end, (other, path, rest) => {
        expect(isReservedIdentifier(`${issuer}/${other}/${path}${rest}`, issuer)).toBe(false);
        expect(isReservedIdentifier(`https://${other}.issuer.example/${path}${rest}`, issuer)).toBe(false);
        expect(isReservedIdentifier(`http://issuer.example/${path}${rest}`, issuer)).toBe(false);
      }),
    );
  });

  it('can be checked for in any text without an error [reserved-identifiers, Lanyard]', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl()), fc.string({ unit: 'binary' }), (text, more) => {
        expect(isReservedIdentifier(text, issuer)).toBe(false);
        expect([true, false]).toContain(isReservedIdentifier(`${issuer}/${more}`, issuer));
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { digestSecret, generateClientSecret, indexOfMatch, isGeneratedSecret, isTruncated } from './client-secret.ts';

const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));
const anyText = fc.string({ unit: 'binary' });
/** A new random secret each time, which the seed of the test does not determine. */
const generated = fc.constant(undefined).map(() => generateClientSecret());

describe('a generated secret', () => {
  it('is distinguished from every change of it at one place [secret-checksum, Lanyard]', () => {
    const change = fc.record({
      place: fc.nat(59),
      removed: fc.nat(2),
      added: fc.oneof(
        fc.string({ unit: fc.constantFrom('A', 'a', '0', '_', '-', ' ', '\n', 'é'), maxLength: 2 }),
        anyText,
      ),
    });
    fc.assert(
      fc.property(generated, change, (secret, { place, removed, added }) => {
        const changed = secret.slice(0, place) + added + secret.slice(place + removed);
        expect(isGeneratedSecret(changed)).toBe(changed === secret);
        expect(isTruncated(changed)).toBe(changed !== secret && changed.startsWith('lanyard_cs_'));
      }),
      { numRuns: 300 },
    );
  });

  it('is distinguished from one with two characters that changed places [secret-checksum, Lanyard]', () => {
    fc.assert(
      fc.property(generated, fc.integer({ min: 11, max: 58 }), (secret, place) => {
        const [first, second] = [secret.charAt(place), secret.charAt(place + 1)];
        fc.pre(first !== second);
        expect(isTruncated(secret.slice(0, place) + second + first + secret.slice(place + 2))).toBe(true);
      }),
    );
  });

  it('cannot be any other text [secret-checksum, Lanyard]', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(isGeneratedSecret(text) || isGeneratedSecret(`lanyard_cs_${text}`)).toBe(false);
        expect(isTruncated(`lanyard_cs_${text}`)).toBe(true);
      }),
    );
  });

  it.each(['a', 'lanyard_cs_', '_', 'é'])(
    'does not have 100,000 characters of %j [secret-checksum, Lanyard]',
    (piece) => {
      expect(isGeneratedSecret(long(piece))).toBe(false);
      expect(isTruncated(`lanyard_cs_${long(piece)}`)).toBe(true);
    },
  );
});

describe('a secret', () => {
  it('matches only its own digest [secret-comparison, Lanyard]', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText), anyText, (secrets, other) => {
        const digests = secrets.map(digestSecret);
        expect(secrets.map((secret) => indexOfMatch(secret, digests))).toEqual([...secrets.keys()]);
        expect(indexOfMatch(other, digests)).toBe(secrets.indexOf(other));
      }),
    );
  });
});

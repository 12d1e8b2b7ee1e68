import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generate } from 'selfsigned';
import { ConfigurationError } from '../configuration/startup-error.ts';
import { readCertificate, type Certificate } from './certificate.ts';

const directory = mkdtempSync(join(tmpdir(), 'lanyard-'));
const files = {
  TLS_CERTIFICATE_FILE: join(directory, 'tls.crt'),
  TLS_PRIVATE_KEY_FILE: join(directory, 'tls.key'),
};
let pair: Awaited<ReturnType<typeof generate>>;
beforeAll(async () => {
  pair = await generate([{ name: 'commonName', value: 'a.example' }], { keyType: 'ec' });
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The certificate, or the reason why there is none; rethrows every error that is not the reader's own. */
function read(cert: string, key: string): Certificate | string | undefined {
  writeFileSync(files.TLS_CERTIFICATE_FILE, cert);
  writeFileSync(files.TLS_PRIVATE_KEY_FILE, key);
  try {
    return readCertificate(files);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
}

const refusal =
  /^TLS_(CERTIFICATE|PRIVATE_KEY)_FILE (does not contain a (certificate|private key) in PEM|is not the private key of TLS_CERTIFICATE_FILE)$/;
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

describe('a certificate with its private key', () => {
  it('is a pair, or refused without repeating it [configuration-errors-name-no-value, Lanyard]', () => {
    const change = fc.record({
      which: fc.constantFrom('cert', 'private', 'both'),
      place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      removed: fc.nat(40),
      added: fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('\n', 'A', '=', '-----', ['-----BEGIN', 'PRIVATE', 'KEY-----'].join(' ')),
      ),
    });
    fc.assert(
      fc.property(change, ({ which, place, removed, added }) => {
        const changed = (text: string) => {
          const start = Math.floor(place * text.length);
          return text.slice(0, start) + added + text.slice(start + removed);
        };
        const cert = which === 'private' ? pair.cert : changed(pair.cert);
        const key = which === 'cert' ? pair.private : changed(pair.private);
        const found = read(cert, key);
        if (typeof found === 'string') expect(found).toMatch(refusal);
        else expect(found).toEqual({ cert, key, expiresAt: expect.any(Number) });
      }),
    );
  });

  it.each(['-', '-----BEGIN CERTIFICATE-----\n', 'A', '\n', '\0'])(
    'is refused with 100,000 characters of %j [configuration-errors-name-no-value, Lanyard]',
    (piece) => {
      expect(read(long(piece), pair.private)).toMatch(refusal);
      expect(read(pair.cert, long(piece))).toMatch(refusal);
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import { basicCredentials, OAuthError } from '@lanyard/oauth-protocol';
import fc from 'fast-check';
import { parseForm } from '../form-parameters.ts';
import { parseClientCredentials, type ClientCredentials } from './client-credentials.ts';

/** The credentials, or the error for the caller; rethrows any error that is not the parser's own. */
function read(authorization: string | undefined, form = ''): ClientCredentials | OAuthError {
  try {
    return parseClientCredentials(authorization, parseForm(form));
  } catch (error) {
    if (error instanceof OAuthError) return error;
    throw error;
  }
}

const significant = fc.constantFrom('a', ' ', '+', '%', '%41', ':', '&', '=', 'é');
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: significant }));
const someText = fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: significant, minLength: 1 }));
const basic = (pair: string | Buffer) => `Basic ${Buffer.from(pair).toString('base64')}`;
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

describe('client_secret_basic', () => {
  it('is read as it was written [basic-form-decoding, RFC 6749 §2.3.1]', () => {
    fc.assert(
      fc.property(someText, anyText, (clientId, clientSecret) => {
        expect(read(basicCredentials(clientId, clientSecret))).toEqual({ clientId, clientSecret });
      }),
    );
  });

  it('is read whichever characters are encoded, in either case [basic-form-decoding, RFC 6749 §2.3.1]', () => {
    const encoded = (text: string) =>
      Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    fc.assert(
      fc.property(someText, anyText, (clientId, clientSecret) => {
        const pair = `${encoded(clientId)}:${encoded(clientSecret).toUpperCase()}`;
        expect(read(basic(pair))).toEqual({ clientId, clientSecret });
      }),
    );
  });

  it('is read as it was written without encoding, if no character needs it [basic-form-decoding, RFC 6749 §2.3.1]', () => {
    const plain = fc
      .string({ unit: fc.constantFrom(...'azAZ09-._~!$&()*,;=@/? é😀'.split('')) })
      .map((text) => text.toWellFormed());
    fc.assert(
      fc.property(plain, plain, fc.constantFrom('', ':', '::x'), (id, secret, end) => {
        const [clientId, clientSecret] = [`a${id}`, secret + end];
        expect(read(basic(`${clientId}:${clientSecret}`))).toEqual({ clientId, clientSecret });
      }),
    );
  });

  it('has a scheme in any case, followed by any number of spaces [scheme-in-any-case, RFC 9110 §11.1]', () => {
    const scheme = fc.mixedCase(fc.constant('basic'));
    fc.assert(
      fc.property(
        scheme,
        fc.integer({ min: 1, max: 9 }),
        someText,
        anyText,
        (scheme, spaces, clientId, clientSecret) => {
          const authorization = basicCredentials(clientId, clientSecret).replace('Basic ', scheme + ' '.repeat(spaces));
          expect(read(authorization)).toEqual({ clientId, clientSecret });
        },
      ),
    );
  });
});

describe('client_secret_post', () => {
  it('is read as it was written [client-secret-methods, RFC 6749 §2.3.1]', () => {
    fc.assert(
      fc.property(someText, someText, (clientId, clientSecret) => {
        const form = new URLSearchParams({ client_id: clientId, client_secret: clientSecret }).toString();
        expect(read(undefined, form)).toEqual({ clientId, clientSecret });
      }),
    );
  });

  it('is refused beside client_secret_basic [one-authentication-method, RFC 6749 §2.3]', () => {
    fc.assert(
      fc.property(
        someText,
        someText,
        fc.oneof(fc.constant(basicCredentials('a', 'b')), anyText),
        (id, secret, header) => {
          const form = new URLSearchParams({ client_id: id, client_secret: secret }).toString();
          expect(read(header, form)).toMatchObject({ code: 'invalid_request' });
        },
      ),
    );
  });
});

describe('a request without valid credentials', () => {
  const refusal = { code: 'invalid_client', description: 'client authentication failed', cause: expect.any(String) };
  const base64 = fc.oneof(
    anyText.map((text) => Buffer.from(text).toString('base64')),
    fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64')),
    fc.string({ unit: fc.constantFrom('A', '+', '/', '-', '_', '=', ' ') }),
    fc.string({ unit: fc.constantFrom('%', '+', ':', 'a', '2', '0', 'é') }).map((text) => basic(text).slice(6)),
  );
  const header = fc.oneof(
    anyText,
    base64.map((text) => `Basic ${text}`),
    fc.tuple(fc.constantFrom('Bearer ', 'basic', 'BASIC\t', 'Basic ,'), base64).map((parts) => parts.join('')),
  );

  it('is refused with one message, which repeats nothing of it [same-answer, RFC 6749 §5.2]', () => {
    fc.assert(
      fc.property(header, fc.constantFrom('', 'client_id=', 'client_assertion=a', 'a=b'), (header, form) => {
        const found = read(header, form);
        if (!(found instanceof OAuthError)) {
          expect([typeof found.clientId, typeof found.clientSecret]).toEqual(['string', 'string']);
          expect(found.clientId).not.toBe('');
        } else {
          expect(found).toMatchObject(refusal);
          expect(JSON.stringify(found)).toBe(
            '{"error":"invalid_client","error_description":"client authentication failed"}',
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is refused the same way with a form [same-answer, RFC 6749 §5.2]', () => {
    const parameters = fc.dictionary(fc.constantFrom('client_id', 'client_secret', 'client_assertion', 'a'), anyText);
    fc.assert(
      fc.property(parameters, (parameters) => {
        const found = read(undefined, new URLSearchParams(parameters).toString());
        const { client_id: id, client_secret: secret, client_assertion: assertion } = parameters;
        expect(found).toMatchObject(id && secret && !assertion ? { clientId: id, clientSecret: secret } : refusal);
      }),
    );
  });

  it.each([' ', 'A', '=', 'A=', '+', '%', '%41', ':', 'é', 'Basic '])(
    'is distinguished from a valid one in 100,000 characters of %j [basic-form-decoding, RFC 6749 §2.3.1]',
    (piece) => {
      for (const start of ['', 'Basic ', 'Basic YTpi', 'Basic ====']) {
        expect(read(`${start}${long(piece)}!`)).toMatchObject(refusal);
        const found = read(start + long(piece));
        expect(found instanceof OAuthError || typeof found.clientId === 'string').toBe(true);
      }
      const found = read(basic(`a:${long(piece)}`));
      expect(found).toMatchObject(piece === '%' ? refusal : { clientId: 'a' });
    },
  );
});

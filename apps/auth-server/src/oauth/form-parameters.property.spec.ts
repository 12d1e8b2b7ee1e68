import { describe, expect, it } from '@jest/globals';
import { OAuthError } from '@lanyard/oauth-protocol';
import fc from 'fast-check';
import { formOf, parseForm, requireToken } from './form-parameters.ts';
import { parseTokenRequest, resourceOf, scopeOf } from './token/token-request.ts';

/** The value that was read, or the code of the OAuthError; rethrows any other error. */
function orCode<Value>(read: () => Value): Value | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof OAuthError) return error.code;
    throw error;
  }
}

const anyText = fc.string({ unit: 'binary' });
const name = fc.oneof(fc.constantFrom('grant_type', 'scope', 'resource', 'token', '', '__proto__', '?a'), anyText);
const pairs = fc.array(fc.tuple(name, anyText), { maxLength: 12 });
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

/** Encodes every character; spaces in the given way. */
const written = (parameters: [string, string][], space: string) => {
  const encoded = (text: string) =>
    Array.from(Buffer.from(text), (byte) => (byte === 32 ? space : `%${byte.toString(16).padStart(2, '0')}`)).join('');
  return parameters.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&');
};

describe('a form', () => {
  it('has the parameters that were written, without empty ones [form-parameters, RFC 6749 §3.2]', () => {
    const distinct = fc.uniqueArray(fc.tuple(name, anyText), { selector: ([name]) => name, maxLength: 20 });
    fc.assert(
      fc.property(distinct, fc.constantFrom('+', '%20'), (parameters, space) => {
        const filled = new Map(parameters.filter(([, value]) => value !== ''));
        expect(parseForm(new URLSearchParams(parameters).toString())).toEqual(filled);
        expect(parseForm(written(parameters, space))).toEqual(filled);
      }),
    );
  });

  it('is refused if a parameter is repeated, even an empty one [form-parameters, RFC 6749 §3.2]', () => {
    fc.assert(
      fc.property(pairs, (pairs) => {
        const names = pairs.map(([name]) => name);
        const repeated = names.find((name, i) => names.indexOf(name) < i);
        const found = orCode(() => parseForm(new URLSearchParams(pairs).toString()));
        if (repeated === undefined) expect(found).toBeInstanceOf(Map);
        else expect(found).toBe(repeated === 'resource' ? 'invalid_target' : 'invalid_request');
      }),
    );
  });

  it('is refused with too many parameters [parameter-limit, Lanyard]', () => {
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 200 }), (count) => {
        const body = Array.from({ length: count }, (_, i) => `${i}=a`).join('&');
        expect(orCode(() => parseForm(body))).toEqual(count > 50 ? 'invalid_request' : expect.any(Map));
      }),
    );
  });

  it('is read from any text, or refused [form-parameters, RFC 6749 §3.2]', () => {
    const parts = fc.constantFrom('a', '=', '&', '%', '%4', '+', '?', ';', 'scope', '%00', '%FF', '\n');
    fc.assert(
      fc.property(fc.oneof(anyText, fc.string({ unit: parts })), (body) => {
        const found = orCode(() => parseForm(body));
        if (typeof found === 'string') expect(['invalid_request', 'invalid_target']).toContain(found);
        else expect([...found.values()].filter((value) => value === '')).toEqual([]);
      }),
    );
  });

  it.each(['a', '&', '=', '%', '+', '?', 'a&', 'a=&', '%41', '&='])(
    'is read or refused with 100,000 characters of %j [form-parameters, RFC 6749 §3.2]',
    (piece) => {
      const several = orCode(() => parseForm(Array.from({ length: 10_000 }, (_, i) => `${piece}${i}`).join('&')));
      expect(
        [several, orCode(() => parseForm(long(piece)))].every(
          (found) => typeof found === 'string' || found instanceof Map,
        ),
      ).toBe(true);
    },
  );

  it('has the token of a request about a token, and no parameters if there is no form [form-parameters, RFC 6749 §3.2]', () => {
    fc.assert(
      fc.property(anyText, fc.oneof(fc.anything(), fc.constant(undefined)), (token, body) => {
        const form = parseForm(new URLSearchParams({ token }).toString());
        expect(orCode(() => requireToken(formOf(form)))).toBe(token || 'invalid_request');
        if (!(body instanceof Map)) expect(formOf(body)).toEqual(new Map());
      }),
    );
  });
});

describe('a token request', () => {
  it('is read as it was sent, and only with one grant type [client-credentials-grant, RFC 6749 §4.4]', () => {
    const grantType = fc.oneof(
      fc.constant('client_credentials'),
      fc.constantFrom('password', 'Client_Credentials'),
      anyText,
    );
    const sent = fc.oneof(anyText, fc.constantFrom('jobs:read jobs:write', 'https://jobs.example', 'a#b'));
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('scope', 'resource', 'other'), sent),
        grantType,
        (parameters, grant_type) => {
          const form = parseForm(new URLSearchParams({ ...parameters, grant_type }).toString());
          const { scope, resource } = parameters;
          const request = orCode(() => ({
            scope: scopeOf(scope || undefined),
            resource: resourceOf(resource || undefined),
          }));
          const refusal = grant_type === '' ? 'invalid_request' : 'unsupported_grant_type';
          expect(orCode(() => parseTokenRequest(form))).toEqual(
            grant_type === 'client_credentials' ? request : refusal,
          );
        },
      ),
    );
  });

  it('has a well-formed scope [scope-syntax, RFC 6749 §3.3]', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '"', '\\', 'é', '\n') });
    fc.assert(
      fc.property(fc.oneof(text, anyText), (text) => {
        const values = text.split(' ');
        const isScope = values.every((value) => /^[!#-[\]-~]+$/.test(value));
        expect(orCode(() => scopeOf(text))).toEqual(isScope ? new Set(values) : 'invalid_scope');
      }),
    );
  });

  it('has a resource that is an absolute URI without a fragment [resource-indicators, RFC 8707 §2]', () => {
    const url = fc.webUrl({ withFragments: true, withQueryParameters: true });
    fc.assert(
      fc.property(
        fc.oneof(
          url,
          anyText,
          url.map((url) => url.replace('https:', '')),
        ),
        (text) => {
          const isOne = URL.canParse(text) && !text.includes('#');
          expect(orCode(() => resourceOf(text))).toBe(isOne ? text : 'invalid_target');
        },
      ),
    );
  });

  it.each(['a', ' ', 'a ', '#', '/', ':', '%', 'a:', '[', '.'])(
    'is read or refused with 100,000 characters of %j [scope-syntax, RFC 6749 §3.3]',
    (piece) => {
      expect(orCode(() => scopeOf(`${long(piece)}"`))).toBe('invalid_scope');
      expect(orCode(() => resourceOf(`https://a.example/${long(piece)}#`))).toBe('invalid_target');
      expect(typeof orCode(() => resourceOf(`https://${long(piece)}`))).toBe('string');
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  authorizationServerMetadataUrl,
  basicCredentials,
  errorDescription,
  formatChallenge,
  formatScope,
  isPlaintext,
  isScopeValue,
  OAuthError,
  parseScope,
  protectedResourceMetadataUrl,
  resolveIssuerUrl,
  type BearerChallenge,
} from './index.ts';

/** Any code points, allowed or not; no lone surrogates, which cannot be sent. */
const anyText = fc.string({ unit: 'binary' });
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

/** NQCHAR and NQSCHAR of RFC 6749 appendix A, written without a regular expression. */
const isNqchar = (character: string) => character >= '!' && character <= '~' && character !== '"' && character !== '\\';
const isNqschar = (character: string) => character === ' ' || isNqchar(character);
const ascii = Array.from({ length: 128 }, (_, code) => String.fromCodePoint(code));
const scopeValue = fc.string({ unit: fc.constantFrom(...ascii.filter(isNqchar)), minLength: 1 });
const allowedText = fc.string({ unit: fc.constantFrom(...ascii.filter(isNqschar)) });

describe('a scope', () => {
  it('is read as it was written [scope-syntax, RFC 6749 §3.3]', () => {
    fc.assert(
      fc.property(fc.uniqueArray(scopeValue, { minLength: 1 }), (values) => {
        expect([...parseScope(formatScope(values))!]).toEqual(values);
      }),
    );
  });

  it('is a list of scope values separated by single spaces, and no other text [scope-syntax, RFC 6749 §3.3]', () => {
    const almost = fc.string({
      unit: fc.constantFrom('a', ':', '~', ' ', ' ', '"', '\\', '\t', '\n', '\x7F', 'é', '😀'),
    });
    fc.assert(
      fc.property(fc.oneof(almost, anyText, allowedText), (text) => {
        const parts = text.split(' ');
        const isScope = parts.every((part) => part !== '' && Array.from(part).every(isNqchar));
        expect(parseScope(text)).toEqual(isScope ? new Set(parts) : undefined);
      }),
    );
  });

  it.each(['a', ' ', 'a ', 'a  ', '"', 'a"', 'é', '\\ ', '!~'])(
    'is accepted or refused correctly in 100,000 characters of %j [scope-syntax, RFC 6749 §3.3]',
    (piece) => {
      const text = long(piece);
      expect(parseScope(text) !== undefined).toBe(piece === 'a' || piece === '!~');
      expect(parseScope(`${text}a`) !== undefined).toBe(['a', 'a ', '!~'].includes(piece));
      expect(parseScope(`${text}"`)).toBeUndefined();
      expect(isScopeValue(text)).toBe(piece === 'a' || piece === '!~');
    },
  );
});

describe('basicCredentials', () => {
  const formDecoded = (text: string) => new URLSearchParams(`x=${text}`).get('x');
  const partsOf = (credentials: string) =>
    Buffer.from(credentials.replace(/^Basic /, ''), 'base64')
      .toString('latin1')
      .split(':');

  it('writes two form-encoded parts with one colon in between [basic-form-decoding, RFC 6749 §2.3.1]', () => {
    fc.assert(
      fc.property(anyText, anyText, (clientId, clientSecret) => {
        const credentials = basicCredentials(clientId, clientSecret);
        expect(credentials).toMatch(/^Basic [A-Za-z0-9+/]+=*$/);
        const parts = partsOf(credentials);
        expect(parts.map(formDecoded)).toEqual([clientId, clientSecret]);
        expect(parts.join('')).toMatch(/^[\x21-\x7E]*$/);
      }),
    );
  });

  it.each([':', '%', '+', ' ', '😀'])(
    'can encode 100,000 characters of %j [basic-form-decoding, RFC 6749 §2.3.1]',
    (piece) => {
      expect(partsOf(basicCredentials('a', long(piece))).map(formDecoded)).toEqual(['a', long(piece)]);
    },
  );
});

describe('an error description', () => {
  it('has only allowed characters, and leaves those unchanged [error-description-characters, RFC 6749 §5.2]', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', ' ', 'é') })), (text) => {
        const description = errorDescription(text);
        const replaced = text.split('').map((unit) => (isNqschar(unit) ? unit : unit === '"' ? "'" : '?'));
        expect(description).toBe(replaced.join(''));
        expect(new OAuthError('invalid_request', text).toJSON()).toEqual({
          error: 'invalid_request',
          error_description: description,
        });
      }),
    );
    fc.assert(
      fc.property(allowedText, (text) => {
        expect(errorDescription(text)).toBe(text);
      }),
    );
  });

  it.each(['"', '\\', '\r\n', 'é"', 'a'])(
    'can be made of 100,000 characters of %j [error-description-characters, RFC 6749 §5.2]',
    (piece) => {
      expect(Array.from(errorDescription(long(piece))).every(isNqschar)).toBe(true);
    },
  );
});

describe('a challenge', () => {
  const parameters = (text: fc.Arbitrary<string>): fc.Arbitrary<BearerChallenge> =>
    fc.record(
      {
        realm: text,
        error: fc.constantFrom('invalid_request', 'invalid_token', 'insufficient_scope'),
        error_description: text,
        scope: text,
        resource_metadata: text,
      },
      { requiredKeys: [] },
    );
  const scheme = fc.constantFrom('Basic' as const, 'Bearer' as const);

  it('can be parsed, whatever its parameters hold [challenge-syntax, RFC 6750 §3]', () => {
    fc.assert(
      fc.property(scheme, parameters(anyText), (scheme, given) => {
        const cleaned = Object.entries(given).map(([name, value]) => [name, errorDescription(value)]);
        expect(read(formatChallenge(scheme, given))).toEqual({ scheme, parameters: Object.fromEntries(cleaned) });
      }),
    );
  });

  it('keeps allowed characters unchanged, and omits absent parameters [challenge-syntax, RFC 6750 §3]', () => {
    fc.assert(
      fc.property(scheme, parameters(allowedText), (scheme, given) => {
        const absent = { realm: undefined, scope: undefined };
        expect(read(formatChallenge(scheme, { ...absent, ...given }))).toEqual({ scheme, parameters: given });
      }),
    );
  });

  it.each(['"', '\\"', '", error="', '\r\n', ','])(
    'keeps 100,000 characters of %j within their quotes [challenge-syntax, RFC 6750 §3]',
    (piece) => {
      const { parameters } = read(formatChallenge('Bearer', { realm: long(piece), scope: 'a' }));
      expect(parameters).toEqual({ realm: errorDescription(long(piece)), scope: 'a' });
    },
  );

  /** Parses one challenge strictly by the grammar of RFC 9110 section 11.6.1. */
  function read(header: string): { scheme: string; parameters: Record<string, string> } {
    const parameters: Record<string, string> = {};
    let position = 0;
    const take = (isWanted: (character: string) => boolean) => {
      const start = position;
      while (position < header.length && isWanted(header.charAt(position))) position += 1;
      return header.slice(start, position);
    };
    const isTokenCharacter = (character: string) => 'abcdefghijklmnopqrstuvwxyz_'.includes(character.toLowerCase());
    const expected = (text: string) => {
      if (!header.startsWith(text, position)) throw new Error(`no ${text} at ${position} of ${header}`);
      position += text.length;
    };
    const scheme = take(isTokenCharacter);
    while (position < header.length) {
      expected(Object.keys(parameters).length === 0 ? ' ' : ', ');
      const name = take(isTokenCharacter);
      if (name === '' || name in parameters) throw new Error(`no new name at ${position} of ${header}`);
      expected('="');
      parameters[name] = take(isNqschar);
      expected('"');
    }
    return { scheme, parameters };
  }
});

const here = fc.constantFrom('localhost', '[::1]', '127.0.0.1', '127.8.9.1');
const elsewhere = fc.oneof(
  fc.domain().map((domain) => `a.${domain}`),
  fc.ipV4().filter((address) => !address.startsWith('127.')),
);
const port = fc.integer({ min: 1024, max: 65_535 });
const originOf = (host: fc.Arbitrary<string>, scheme = fc.constantFrom('http', 'https')) =>
  fc.tuple(scheme, host, port).map(([scheme, host, port]) => `${scheme}://${host}:${port}`);
const origin = originOf(fc.oneof(here, elsewhere));
const path = fc.webPath().filter((path) => !path.includes('/.') && !path.includes('%2e') && !path.includes('%2E'));
const query = fc.option(fc.webQueryParameters(), { nil: '' }).map((query) => query && `?${query}`);

describe('an address of the issuer', () => {
  it('keeps its path if the origin is replaced; all other addresses stay unchanged', () => {
    fc.assert(
      fc.property(origin, origin, path, query, (issuer, elsewhere, path, query) => {
        const address = issuer + (path || '/') + query;
        const { pathname, search } = new URL(address);
        expect(resolveIssuerUrl(address, issuer)).toBe(address);
        expect(resolveIssuerUrl(address, issuer, elsewhere)).toBe(elsewhere + pathname + search);
        expect(resolveIssuerUrl(elsewhere + path, issuer, 'https://b.example')).toBe(
          elsewhere === issuer ? `https://b.example${pathname}` : elsewhere + path,
        );
      }),
    );
  });

  it('is plaintext only with plain http to another host', () => {
    fc.assert(
      fc.property(originOf(elsewhere, fc.constant('http')), path, (origin, path) => {
        expect(isPlaintext(origin + path)).toBe(true);
        expect(isPlaintext(`${origin.replace('http', 'https')}${path}`)).toBe(false);
      }),
    );
    fc.assert(fc.property(originOf(here), path, (origin, path) => expect(isPlaintext(origin + path)).toBe(false)));
  });

  it.each(['127.', '1.', 'a.', '0', '[::1]'])(
    'is recognised as one of another host in 100,000 characters of %j',
    (piece) => {
      const address = `http://a.example/${long(piece)}`;
      expect(isPlaintext(address)).toBe(true);
      expect(resolveIssuerUrl(address, 'http://a.example', 'https://b.example')).toBe(
        address.replace('http://a', 'https://b'),
      );
    },
  );
});

describe('the address of metadata', () => {
  it('has the well-known path between host and path, without the slash at its end [metadata-address, RFC 8414 §3.1]', () => {
    fc.assert(
      fc.property(origin, path, fc.constantFrom('', '/'), (origin, path, slash) => {
        fc.pre(!path.endsWith('/'));
        const address = `${origin}/.well-known/oauth-authorization-server${path}`;
        expect(authorizationServerMetadataUrl(origin + path + slash)).toBe(address);
      }),
    );
  });

  it('of a protected resource keeps its path and query [resource-metadata-address, RFC 9728 §3.1]', () => {
    fc.assert(
      fc.property(origin, path, query, (origin, path, query) => {
        const { search } = new URL(origin + path + query);
        const address = `${origin}/.well-known/oauth-protected-resource${path === '/' ? '' : path}${search}`;
        expect(protectedResourceMetadataUrl(origin + path + query)).toBe(address);
      }),
    );
  });

  it.each(['/', 'a/', '?', '%2F', ' '])('is found for 100,000 characters of %j', (piece) => {
    for (const addressOf of [authorizationServerMetadataUrl, protectedResourceMetadataUrl]) {
      expect(addressOf(`https://a.example/${long(piece)}`)).toMatch(/^https:\/\/a\.example\/\.well-known\/oauth-/);
    }
  });
});

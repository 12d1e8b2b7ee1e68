import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  authorizationServerMetadataUrl,
  basicCredentials,
  errorDescription,
  formatChallenge,
  protectedResourceMetadataUrl,
  type BearerChallenge,
} from '@lanyard/oauth-protocol';
import fc from 'fast-check';
import * as oauth from 'oauth4webapi';
import { bearerFetch } from './bearer-fetch.ts';
import { clientSecretBasic } from './client-secret-basic.ts';

const server: oauth.AuthorizationServer = { issuer: 'https://a.example', token_endpoint: 'https://a.example/token' };
const anyText = fc.string({ unit: 'binary' });
const challenge: fc.Arbitrary<BearerChallenge> = fc.record(
  {
    realm: anyText,
    error: fc.constantFrom('invalid_request', 'invalid_token', 'insufficient_scope'),
    error_description: anyText,
    scope: anyText,
    resource_metadata: anyText,
  },
  { requiredKeys: [] },
);

/** The request that oauth4webapi would send. */
const sent = async (call: (options: object) => Promise<unknown>): Promise<Request> => {
  let request: Request | undefined;
  const customFetch = (url: string, init: RequestInit) => {
    request = new Request(url, init);
    return Promise.resolve(new Response());
  };
  await call({ [oauth.customFetch]: customFetch, [oauth.allowInsecureRequests]: true });
  return request!;
};

describe('a challenge', () => {
  afterEach(() => void jest.restoreAllMocks());

  it('is parsed by oauth4webapi into the parameters that it was made of [challenge-syntax, RFC 6750 §3]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(challenge, { minLength: 1, maxLength: 3 }), async (challenges) => {
        const header = challenges.map((parameters) => formatChallenge('Bearer', parameters)).join(', ');
        const response = new Response('', { status: 401, headers: { 'www-authenticate': header } });
        const answer = oauth.processClientCredentialsResponse(server, { client_id: 'a' }, response);
        const { cause } = (await answer.catch((error: unknown) => error)) as oauth.WWWAuthenticateChallengeError;
        expect(cause).toEqual(
          challenges.map((parameters) => {
            const cleaned = Object.entries(parameters).map(([name, value]) => [name, errorDescription(value)]);
            return { scheme: 'bearer', parameters: Object.fromEntries(cleaned) };
          }),
        );
      }),
    );
  });

  const tokensUsedFor = async (header: string) => {
    const tokens = ['first', 'second'].map((value) => ({ value, scope: 'a', expiresAt: 0 }));
    const used: (string | null)[] = [];
    jest.spyOn(globalThis, 'fetch').mockImplementation((_, init) => {
      used.push(new Headers(init?.headers).get('authorization'));
      return Promise.resolve(new Response('', { status: 401, headers: { 'www-authenticate': header } }));
    });
    const drop = () => void tokens.shift();
    await bearerFetch({ getToken: () => Promise.resolve(tokens.at(0)!), drop })('https://b.example');
    return used;
  };

  it('makes fetch get another token if it says invalid_token, and only then [challenge-syntax, RFC 6750 §3]', async () => {
    await fc.assert(
      fc.asyncProperty(
        challenge,
        fc.constantFrom('', 'Basic realm="x", ', 'DPoP algs="ES256", '),
        async (given, before) => {
          const used = await tokensUsedFor(before + formatChallenge('Bearer', given));
          expect(used).toEqual(given.error === 'invalid_token' ? ['Bearer first', 'Bearer second'] : ['Bearer first']);
        },
      ),
    );
  });

  // fetch accepts headers of at most 16 KB.
  it.each([
    'bearer ',
    'bearer error ',
    'bearer error=',
    'bearer,error = ',
    'error=invalid_token',
    'bearer\terror\t\t\t',
    ' ',
  ])(
    'with invalid_token after 16,000 characters of %j is recognised [challenge-syntax, RFC 6750 §3]',
    async (piece) => {
      const text = piece.repeat(Math.floor(16_000 / piece.length));
      expect(await tokensUsedFor(`${text}!`)).toEqual(['Bearer first']);
      expect(await tokensUsedFor(`Bearer ${text} error="invalid_token"`)).toEqual(['Bearer first', 'Bearer second']);
    },
  );
});

describe('client_secret_basic', () => {
  it('encodes the same credentials as oauth4webapi does [basic-form-decoding, RFC 6749 §2.3.1]', async () => {
    const partsOf = (authorization: string) =>
      Buffer.from(authorization.slice('Basic '.length), 'base64')
        .toString()
        .split(':')
        .map((part) => new URLSearchParams(`x=${part}`).get('x'));
    const text = fc.string({ unit: 'binary', minLength: 1 });
    await fc.assert(
      fc.asyncProperty(text, text, async (client_id, secret) => {
        for (const authenticate of [oauth.ClientSecretBasic, clientSecretBasic]) {
          const { headers } = await sent((options) =>
            oauth.clientCredentialsGrantRequest(server, { client_id }, authenticate(secret), {}, options),
          );
          expect(partsOf(headers.get('authorization')!)).toEqual([client_id, secret]);
        }
        expect(partsOf(basicCredentials(client_id, secret))).toEqual([client_id, secret]);
      }),
    );
  });

  it('leaves unreserved characters as they are, for servers that decode nothing [basic-form-decoding, RFC 6749 §2.3.1]', async () => {
    const unreserved = fc.stringMatching(/^[A-Za-z0-9._~-]+$/);
    await fc.assert(
      fc.asyncProperty(unreserved, unreserved, async (client_id, secret) => {
        const { headers } = await sent((options) =>
          oauth.clientCredentialsGrantRequest(server, { client_id }, clientSecretBasic(secret), {}, options),
        );
        const credentials = headers.get('authorization')?.slice('Basic '.length);
        expect(Buffer.from(String(credentials), 'base64').toString()).toBe(`${client_id}:${secret}`);
      }),
    );
  });
});

describe('the address of metadata', () => {
  const address = fc
    .tuple(fc.domain(), fc.webPath(), fc.option(fc.webQueryParameters(), { nil: '' }))
    .map(([host, path, query]) => ({ issuer: `https://a.${host}${path}`, query: query && `?${query}` }));

  it('is the one from which oauth4webapi fetches the metadata of an issuer [metadata-address, RFC 8414 §3.1]', async () => {
    await fc.assert(
      fc.asyncProperty(address, async ({ issuer }) => {
        fc.pre(!issuer.includes('//', 'https://'.length));
        const { url } = await sent((options) =>
          oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...options }),
        );
        expect(authorizationServerMetadataUrl(issuer)).toBe(url);
      }),
    );
  });

  it('is the one from which it fetches the metadata of a protected resource [resource-metadata-address, RFC 9728 §3.1]', async () => {
    await fc.assert(
      fc.asyncProperty(address, async ({ issuer, query }) => {
        fc.pre(!issuer.includes('//', 'https://'.length));
        const { url } = await sent((options) => oauth.resourceDiscoveryRequest(new URL(issuer + query), options));
        expect(protectedResourceMetadataUrl(issuer + query)).toBe(url);
      }),
    );
  });
});

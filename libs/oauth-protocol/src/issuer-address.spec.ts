import { describe, expect, it } from '@jest/globals';
import { resolveIssuerUrl } from './issuer-address.ts';

const issuer = 'http://localhost:3000';
const address = 'http://auth-server:3000';
const withPath = 'https://a.example/t';
const wellKnown = '/.well-known/oauth-authorization-server';

describe('resolveIssuerUrl', () => {
  it.each([
    ['an address of the issuer', `${issuer}/oauth/token?a=b`, issuer, address, `${address}/oauth/token?a=b`],
    ['an issuer with a path', `${withPath}/keys`, withPath, 'http://b:80', 'http://b/t/keys'],
    ['an address with a path', `${withPath}/keys?a`, withPath, 'http://b/in/u', 'http://b/in/u/keys?a'],
    ['an address with a path and a slash', `${withPath}/keys`, withPath, 'http://b/u/', 'http://b/u/keys'],
    ['the issuer itself', withPath, withPath, 'http://b/u', 'http://b/u'],
    ['a path that only begins like the issuer', `${withPath}x/keys`, withPath, 'http://b/u', 'http://b/tx/keys'],
    ['metadata', `https://a.example${wellKnown}/t`, withPath, 'http://b/u', `http://b${wellKnown}/u`],
    ['metadata of an issuer without a path', issuer + wellKnown, issuer, 'http://b/u', `http://b${wellKnown}/u`],
    [
      'metadata of OpenID Connect, which is below the issuer',
      `${withPath}/.well-known/openid-configuration`,
      withPath,
      'http://b/u',
      'http://b/u/.well-known/openid-configuration',
    ],
    ['an issuer without a path', `${issuer}/keys`, issuer, 'http://b/u', 'http://b/u/keys'],
    ['another origin', 'http://localhost:3001/keys', issuer, address, 'http://localhost:3001/keys'],
    ['no other address', `${issuer}/keys`, issuer, undefined, `${issuer}/keys`],
  ])('%s [issuer-address, Lanyard]', (_, url, of, at, reached) => expect(resolveIssuerUrl(url, of, at)).toBe(reached));
});

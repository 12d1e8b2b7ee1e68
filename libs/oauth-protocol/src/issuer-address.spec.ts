import { describe, expect, it } from '@jest/globals';
import { resolveIssuerUrl } from './issuer-address.ts';

const issuer = 'http://localhost:3000';
const address = 'http://auth-server:3000';

describe('resolveIssuerUrl', () => {
  it.each([
    ['an address of the issuer', `${issuer}/oauth/token?a=b`, issuer, address, `${address}/oauth/token?a=b`],
    ['an issuer with a path', 'https://a.example/t/keys', 'https://a.example/t', 'http://b:80', 'http://b/t/keys'],
    ['another origin', 'http://localhost:3001/keys', issuer, address, 'http://localhost:3001/keys'],
    ['no other address', `${issuer}/keys`, issuer, undefined, `${issuer}/keys`],
  ])('%s', (_, url, of, at, reached) => expect(resolveIssuerUrl(url, of, at)).toBe(reached));
});

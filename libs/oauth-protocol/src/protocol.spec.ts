import { describe, expect, it } from '@jest/globals';
import { authorizationServerMetadataUrl, formatChallenge, OAuthError, protectedResourceMetadataUrl } from './index.ts';

describe('formatChallenge', () => {
  it('writes only the scheme if there are no parameters', () => {
    expect(formatChallenge('Bearer', {})).toBe('Bearer');
  });
  it('quotes parameters and omits absent ones', () => {
    expect(formatChallenge('Bearer', { realm: 'jobs', error: undefined, scope: 'a b' })).toBe(
      'Bearer realm="jobs", scope="a b"',
    );
  });
  it('lets no value break out of its quotes [challenge-syntax, RFC 6750 §3]', () => {
    expect(formatChallenge('Bearer', { realm: 'a", error="x\r\nSet-Cookie: y' })).toBe(
      `Bearer realm="a', error='x??Set-Cookie: y"`,
    );
  });
});

describe('OAuthError', () => {
  it('shows its code and description, never its cause [errors-repeat-nothing, Lanyard]', () => {
    const error = new OAuthError('invalid_client', 'client authentication failed', { cause: 's3cret' });
    expect(JSON.stringify(error)).toBe('{"error":"invalid_client","error_description":"client authentication failed"}');
  });
});

describe('metadata addresses', () => {
  it.each([
    ['https://a.example', 'https://a.example/.well-known/oauth-authorization-server'],
    ['https://a.example/tenant', 'https://a.example/.well-known/oauth-authorization-server/tenant'],
  ])('puts the well-known path between host and path of %s [metadata-address, RFC 8414 §3.1]', (issuer, url) => {
    expect(authorizationServerMetadataUrl(issuer)).toBe(url);
  });
  it('does the same for a protected resource [resource-metadata-address, RFC 9728 §3.1]', () => {
    expect(protectedResourceMetadataUrl('https://a.example/jobs')).toBe(
      'https://a.example/.well-known/oauth-protected-resource/jobs',
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { issuer, jobsApi, secretOf } from '../system-under-test.ts';

const http = { [oauth.allowInsecureRequests]: true };
const server = async () => {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...http }));
};

describe('oauth4webapi', () => {
  it.each([
    ['client_secret_basic', oauth.ClientSecretBasic],
    ['client_secret_post', oauth.ClientSecretPost],
  ])(
    'obtains a token with %s, calls the jobs API, and validates the token [client-credentials-grant, RFC 6749 §4.4] [access-token-claims, RFC 9068 §2]',
    async (_, authentication) => {
      const as = await server();
      const registered = { client_id: 'batch-processor' };
      const response = await oauth.clientCredentialsGrantRequest(
        as,
        registered,
        authentication(secretOf('batch-processor')),
        { scope: 'jobs:read', resource: jobsApi },
        http,
      );
      const token = await oauth.processClientCredentialsResponse(as, registered, response);
      expect(token).toMatchObject({ token_type: 'bearer', expires_in: 600, scope: 'jobs:read' });

      const jobs = await oauth.protectedResourceRequest(
        token.access_token,
        'GET',
        new URL(`${jobsApi}/jobs`),
        undefined,
        undefined,
        http,
      );
      expect(jobs.status).toBe(200);

      const request = new Request(`${jobsApi}/jobs`, { headers: { authorization: `Bearer ${token.access_token}` } });
      const claims = await oauth.validateJwtAccessToken(as, request, jobsApi, {
        signingAlgorithms: ['ES256'],
        ...http,
      });
      expect(claims).toMatchObject({
        iss: issuer,
        sub: 'batch-processor',
        client_id: 'batch-processor',
        aud: jobsApi,
        scope: 'jobs:read',
      });
    },
  );

  it('discovers from the challenge where to get a token [resource-metadata, RFC 9728 §2] [resource-metadata-address, RFC 9728 §3.1]', async () => {
    const url = new URL(jobsApi);
    const resource = await oauth.processResourceDiscoveryResponse(url, await oauth.resourceDiscoveryRequest(url, http));
    expect(resource).toMatchObject({
      resource: jobsApi,
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
    });
    const refused = await oauth
      .protectedResourceRequest('not-a-token', 'GET', new URL(`${jobsApi}/jobs`), undefined, undefined, http)
      .catch((error: oauth.WWWAuthenticateChallengeError) => error);
    expect((refused as oauth.WWWAuthenticateChallengeError).cause[0]).toMatchObject({
      scheme: 'bearer',
      parameters: { error: 'invalid_token', resource_metadata: `${jobsApi}/.well-known/oauth-protected-resource` },
    });
  });
});

describe('openid-client', () => {
  it('discovers the server, obtains a token and uses it [issuer-is-its-address, RFC 8414 §3.3]', async () => {
    const configuration = await client.discovery(
      new URL(issuer),
      'report-generator',
      undefined,
      client.ClientSecretPost(secretOf('report-generator')),
      { algorithm: 'oauth2', execute: [client.allowInsecureRequests] },
    );
    const tokens = await client.clientCredentialsGrant(configuration);
    expect(tokens.scope).toBe('reports:read');
    const response = await client.fetchProtectedResource(
      configuration,
      tokens.access_token,
      new URL(`${jobsApi}/reports/jobs`),
      'GET',
    );
    expect(response.status).toBe(200);
  });

  it('receives a challenge when the client secret is wrong [invalid-client-answer, RFC 6749 §5.2]', async () => {
    const configuration = await client.discovery(
      new URL(issuer),
      'report-generator',
      undefined,
      client.ClientSecretPost('wrong'),
      {
        algorithm: 'oauth2',
        execute: [client.allowInsecureRequests],
      },
    );
    await expect(client.clientCredentialsGrant(configuration)).rejects.toMatchObject({
      code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
      status: 401,
    });
  });
});

import * as client from 'openid-client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, API_URL } = process.env;

// Plain http is refused by default; leave the option out with https.
const server = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  execute: ISSUER.startsWith('http:') ? [client.allowInsecureRequests] : [],
});
const { access_token: token } = await client.clientCredentialsGrant(server, { scope: 'jobs:read' });
const { status } = await client.fetchProtectedResource(server, token, new URL(`${API_URL}/jobs`), 'GET');
console.log(status);

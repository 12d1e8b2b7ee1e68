import { ClientCredentials } from 'simple-oauth2';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, API_URL } = process.env;

const client = new ClientCredentials({
  client: { id: CLIENT_ID, secret: CLIENT_SECRET },
  auth: { tokenHost: ISSUER, tokenPath: `${new URL(ISSUER).pathname.replace(/\/$/, '')}/oauth/token` },
});
const { token } = await client.getToken({ scope: 'jobs:read' });
const { status } = await fetch(`${API_URL}/jobs`, { headers: { authorization: `Bearer ${token.access_token}` } });
console.log(status);

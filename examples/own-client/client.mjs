/** The client credentials grant and a call with the token, using only fetch: it is the same in any language. */
import { readFileSync } from 'node:fs';

const { ISSUER_ADDRESS, JOBS_API_URL, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;
const secret = readFileSync(CLIENT_SECRET_FILE, 'utf8').trim();

// RFC 6749 section 4.4; id and secret in the header, section 2.3.1
const tokenResponse = await fetch(`${ISSUER_ADDRESS}/oauth/token`, {
  method: 'POST',
  headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:${secret}`)}` },
  body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'jobs:read' }),
});
const { access_token: token, scope, error } = await tokenResponse.json();
if (!token) throw new Error(`no token: ${error}`);
console.log(`has a token for ${scope}`);

// RFC 6750 section 2.1
const jobsResponse = await fetch(`${JOBS_API_URL}/jobs`, { headers: { authorization: `Bearer ${token}` } });
const { items } = await jobsResponse.json();
for (const { payload, status } of items) console.log(`${payload.name}: ${status}`);

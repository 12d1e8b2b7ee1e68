/** Service A: obtains a token with its client credentials, and calls Service B at the start and every 15 minutes. */
import { setInterval } from 'node:timers/promises';
import { secretFromFile, TokenClient } from '@lanyard/token-client';

const {
  ISSUER = 'http://localhost:3000',
  SERVICE_B_URL = 'http://localhost:4002',
  CLIENT_SECRET_FILE = '.lanyard/secrets/service-a/client_secret',
} = process.env;

// The client credentials grant, RFC 6749 section 4.4. The token is kept in memory, and renewed before it expires.
const tokens = new TokenClient({
  issuer: ISSUER,
  clientId: 'service-a',
  clientSecret: secretFromFile(CLIENT_SECRET_FILE),
});

// Sends `Authorization: Bearer …`, RFC 6750 section 2.1. The scope and the resource (RFC 8707) say what the token is for.
const fetchFromB = tokens.fetch({ scope: 'greetings:read', resource: SERVICE_B_URL });

async function greet(): Promise<void> {
  const response = await fetchFromB(`${SERVICE_B_URL}/greetings`);
  console.log(response.status, await response.json());
}

/** Shows how Service B refuses requests. */
async function showRefusals(): Promise<void> {
  const anonymous = await fetch(`${SERVICE_B_URL}/greetings`);
  console.log(anonymous.status, anonymous.headers.get('www-authenticate'));
  const outOfScope = await fetchFromB(`${SERVICE_B_URL}/greetings`, { method: 'POST' });
  console.log(outOfScope.status, outOfScope.headers.get('www-authenticate'));
}

await greet();
await showRefusals();
for await (const _ of setInterval(15 * 60_000)) {
  // Service B or the authorization server may be down for a while: the next round tries again.
  await greet().catch((error: Error) => console.error(error.message));
}

import { createRemoteJWKSet, jwtVerify } from 'jose';
import { report } from './report.mjs';

const { ISSUER, RESOURCE } = process.env;

const metadata = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
await report(async (token) => {
  await jwtVerify(token, keys, { issuer: ISSUER, audience: RESOURCE, typ: 'at+jwt', algorithms: ['ES256'] });
});

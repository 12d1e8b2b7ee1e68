import jwt from '@fastify/jwt';
import fastify from 'fastify';
import buildGetJwks from 'get-jwks';
import { report, statusAt } from './report.mjs';

const { ISSUER, RESOURCE } = process.env;

const getJwks = buildGetJwks({ providerDiscovery: true, issuersWhitelist: [ISSUER] });
const app = fastify();
app.register(jwt, {
  decode: { complete: true },
  secret: (_request, { header: { kid, alg } }) => getJwks.getPublicKey({ kid, alg, domain: ISSUER }),
  verify: { allowedIss: ISSUER, allowedAud: RESOURCE, algorithms: ['ES256'] },
});
app.addHook('onRequest', (request) => request.jwtVerify());
app.get('/jobs', () => []);
await report(statusAt(`${await app.listen({ port: 0, host: '127.0.0.1' })}/jobs`));
await app.close();

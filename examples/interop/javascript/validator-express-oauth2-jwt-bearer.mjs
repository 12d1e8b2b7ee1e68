import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { report, statusAt } from './report.mjs';

const { ISSUER, RESOURCE } = process.env;

const app = express();
app.use(auth({ issuerBaseURL: ISSUER, audience: RESOURCE, tokenSigningAlg: 'ES256', strict: true }));
app.get('/jobs', requiredScopes('jobs:read'), (_request, response) => response.json([]));
const server = app.listen(0, '127.0.0.1', async () => {
  await report(statusAt(`http://127.0.0.1:${server.address().port}/jobs`));
  server.close();
});

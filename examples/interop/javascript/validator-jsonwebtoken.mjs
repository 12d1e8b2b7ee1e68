import jwt from 'jsonwebtoken';
import jwksRsa from 'jwks-rsa';
import { report } from './report.mjs';

const { ISSUER, RESOURCE } = process.env;

const client = jwksRsa({ jwksUri: `${ISSUER}/.well-known/jwks.json`, cache: true, rateLimit: true });
const getKey = ({ kid }, done) => client.getSigningKey(kid, (error, key) => done(error, key?.getPublicKey()));
const options = { issuer: ISSUER, audience: RESOURCE, algorithms: ['ES256'] };
await report(
  (token) =>
    new Promise((resolve, reject) => {
      jwt.verify(token, getKey, options, (error) => (error ? reject(error) : resolve()));
    }),
);

/**
 * The floor: the minimum of any token endpoint. A bare Fastify server parses the form and the Basic credentials,
 * digests the secret, compares it in constant time, and signs the claims of an access token in the fastest way known
 * (docs/decisions/0014). It checks nothing else, logs nothing and measures nothing.
 */
import { generateKeyPairSync, hash, randomBytes, randomFillSync, sign, timingSafeEqual } from 'node:crypto';
import Fastify from 'fastify';

const { PORT, ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '', AUDIENCE = '', SCOPE = '' } = process.env;
const digestOf = (secret: string) => Buffer.from(hash('sha256', secret, 'binary'), 'binary');
const clients = new Map([[CLIENT_ID, digestOf(CLIENT_SECRET)]]);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = base64url({ alg: 'ES256', typ: 'at+jwt', kid: randomBytes(32).toString('base64url') });
const grantId = randomBytes(16).toString('base64url');
const lifetime = 600;
const pool = Buffer.alloc(4096);
let next = pool.length;

const app = Fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, new URLSearchParams(body as string)),
);
// As Lanyard's services do, to measure the effect of this step.
if (process.env.IN_TURNS) {
  const file = new URL('../../../libs/service-defaults/dist/batch-per-tick.js', import.meta.url).href;
  const { batchPerTick } = (await import(file)) as { batchPerTick: (fastify: typeof app) => void };
  batchPerTick(app);
}
app.post('/oauth/token', (request, reply) => {
  const pair = Buffer.from(request.headers.authorization!.slice(6), 'base64').toString();
  const colon = pair.indexOf(':');
  const clientId = decodeURIComponent(pair.slice(0, colon));
  const digest = digestOf(decodeURIComponent(pair.slice(colon + 1)));
  const form = request.body as URLSearchParams;
  const isGrant = form.get('grant_type') === 'client_credentials' && form.get('scope') === SCOPE;
  if (!isGrant || !timingSafeEqual(digest, clients.get(clientId)!)) {
    return reply.status(400).send({ error: 'invalid_request' });
  }
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: ISSUER,
    sub: clientId,
    aud: AUDIENCE,
    client_id: clientId,
    scope: SCOPE,
    jti: randomIdentifier(),
    iat: now,
    exp: now + lifetime,
    grant_id: grantId,
  };
  const input = `${header}.${base64url(claims)}`;
  const signature = jose(sign('sha256', Buffer.from(input), privateKey)).toString('base64url');
  return reply
    .header('cache-control', 'no-store')
    .send({ access_token: `${input}.${signature}`, token_type: 'Bearer', expires_in: lifetime, scope: SCOPE });
});

/** 128 random bits, drawn many at a time. */
function randomIdentifier(): string {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  next += 16;
  return pool.toString('base64url', next - 16, next);
}

/** DER to R || S, each 32 bytes. */
function jose(der: Buffer): Buffer {
  const signature = Buffer.alloc(64);
  const rEnd = 4 + der[3]!;
  const [r, s] = [der.subarray(4, rEnd), der.subarray(rEnd + 2)];
  r.subarray(-32).copy(signature, 32 - Math.min(r.length, 32));
  s.subarray(-32).copy(signature, 64 - Math.min(s.length, 32));
  return signature;
}

process.on('disconnect', () => process.exit());
await app.listen({ port: Number(PORT), host: '127.0.0.1' });

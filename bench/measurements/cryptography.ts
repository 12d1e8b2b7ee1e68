import { generateKeyPairSync, sign } from 'node:crypto';
import { issueAccessToken, RememberingValidator, signES256, validateAccessToken } from '@lanyard/access-token';
import * as native from '@node-rs/jsonwebtoken';
import { createLocalJWKSet, SignJWT } from 'jose';
import type { Effort } from '../effort.ts';
import { median } from '../statistics.ts';
import { digits, type Findings } from '../report/report.ts';

const batch = 500;
/** A `const enum` in the types, but an object at run time. */
const es256 = (native as unknown as { Algorithm: { ES256: native.Algorithm } }).Algorithm.ES256;

/** Measures ways to sign and to validate an access token, one at a time on one core. */
export async function measureCryptography({ rounds }: Effort, progress: (text: string) => void): Promise<Findings> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  const key = { kid: 'bench', privateKey };
  const grant = { clientId: 'bench', audience: 'https://bench.example', scope: 'bench:read', lifetime: 600 };
  const { token, claims } = issueAccessToken('https://issuer.example', key, grant);
  const input = Buffer.from(token.slice(0, token.lastIndexOf('.')));
  const text = input.toString();
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const keySet = createLocalJWKSet({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256' }] });
  const requirements = { issuer: 'https://issuer.example', audience: 'https://bench.example' };
  const remembering = new RememberingValidator({ getKey: keySet, keySet }, requirements);
  const claimsOfOthers = { ...claims, scope: grant.scope };

  const ways: Record<string, Record<string, () => unknown>> = {
    'Signatures per second': {
      'ES256 by node:crypto, DER turned into JOSE form (what Lanyard does)': () => signES256(text, privateKey),
      'ES256 by node:crypto, ieee-p1363': () => sign('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      'EdDSA by node:crypto': () => sign(null, input, ed25519),
      'ES256 by jose': () => new SignJWT(claimsOfOthers).setProtectedHeader({ alg: 'ES256' }).sign(privateKey),
      'ES256 by @node-rs/jsonwebtoken (native)': () =>
        native.signSync({ data: claims, exp: claims.exp }, pem, { algorithm: es256 }),
    },
    'Validations per second': {
      'of a token that is new': () => validateAccessToken(token, keySet, requirements),
      'of a token that is remembered': () => remembering.validate(token),
    },
  };
  const figures: Record<string, Record<string, number>> = {};
  for (const [title, one] of Object.entries(ways)) {
    progress(title);
    const rates = Object.fromEntries(Object.keys(one).map((name) => [name, [] as number[]]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, work] of Object.entries(one)) rates[name]!.push(await rateOf(work));
    }
    figures[title] = Object.fromEntries(Object.entries(rates).map(([name, values]) => [name, median(values)]));
  }
  return {
    tables: Object.entries(figures).map(([title, one]) => ({
      title: `${title}, one at a time`,
      rows: Object.entries(one).map(([what, perSecond]) => ({ what, value: digits(perSecond) })),
    })),
    budget: [],
    figures,
  };
}

async function rateOf(work: () => unknown): Promise<number> {
  for (let i = 0; i < batch / 5; i++) await work();
  const begun = performance.now();
  for (let i = 0; i < batch; i++) await work();
  return batch / ((performance.now() - begun) / 1000);
}

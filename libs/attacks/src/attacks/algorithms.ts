import { createHmac, createPublicKey, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWK } from 'jose';
import type { Attack } from '../attack.ts';
import { encode, forge, assertAccepted, assertRefused } from '../forge.ts';
import { call } from '../http.ts';
import type { Target } from '../target.ts';

const allowList = 'the resource server accepts only ES256; the token does not choose the algorithm';

async function publishedKey({ issuer }: Target): Promise<{ jwk: JWK; key: KeyObject }> {
  const { body } = await call(`${issuer}/.well-known/jwks.json`);
  const [jwk] = body.keys as [JWK];
  return { jwk, key: createPublicKey({ key: jwk, format: 'jwk' }) };
}

/** The header and claims of a token with another `alg`, without its signature. */
function unsigned(token: string, alg: unknown): string {
  return `${encode({ ...decodeProtectedHeader(token), alg })}.${encode(decodeJwt(token))}`;
}

export const algorithms: Attack[] = [
  {
    name: 'no algorithm',
    rule: '[algorithm-allow-list, RFC 8725 §3.1]',
    tries: 'a token whose header says alg "none", in any spelling, without a signature and with a stale one',
    stoppedBy: allowList,
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const stale = token.split('.')[2];
      const spellings = ['none', 'None', 'NONE', 'nOnE', 'none ', ''];
      return assertRefused(
        target,
        Object.fromEntries(
          spellings.flatMap((alg) => [
            [`alg "${alg}", no signature`, `${unsigned(token, alg)}.`],
            [`alg "${alg}", two parts`, unsigned(token, alg)],
            [`alg "${alg}", stale signature`, `${unsigned(token, alg)}.${stale}`],
          ]),
        ),
      );
    },
  },
  {
    name: 'the public key as a shared secret',
    rule: '[key-per-algorithm, RFC 8725 §3.1]',
    tries: 'HS256, HS384 and HS512 with the published key as the secret, in each of its encodings',
    stoppedBy: allowList,
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const { jwk, key } = await publishedKey(target);
      const pem = key.export({ type: 'spki', format: 'pem' }).toString();
      const secrets: Record<string, string | Buffer> = {
        PEM: pem,
        'PEM without its last line break': pem.trimEnd(),
        DER: key.export({ type: 'spki', format: 'der' }),
        JWK: JSON.stringify(jwk),
        'its x': Buffer.from(String(jwk.x), 'base64url'),
        'its kid': String(jwk.kid),
        nothing: '',
      };
      const tokens: Record<string, string> = {};
      for (const [alg, digest] of Object.entries({ HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' })) {
        for (const [name, secret] of Object.entries(secrets)) {
          const input = unsigned(token, alg);
          tokens[`${alg} with ${name}`] = `${input}.${createHmac(digest, secret).update(input).digest('base64url')}`;
        }
      }
      return assertRefused(target, tokens);
    },
  },
  {
    name: 'another algorithm in the header',
    rule: '[algorithm-allow-list, RFC 8725 §3.1]',
    tries: 'a header with an algorithm that does not fit the key, without one, or with a value that is not text',
    stoppedBy: allowList,
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const { 2: signature } = token.split('.');
      const algs = ['RS256', 'PS256', 'EdDSA', 'ES384', 'ES512', 'ES256K', 'es256', 'ES256 ', 'RSA-OAEP', 'dir', null];
      const odd = [undefined, ['ES256'], { ES256: true }, 256, true];
      return assertRefused(
        target,
        Object.fromEntries(
          [...algs, ...odd].map((alg) => [`alg ${JSON.stringify(alg)}`, `${unsigned(token, alg)}.${signature}`]),
        ),
      );
    },
  },
  {
    name: 'the right signature under another algorithm name',
    rule: '[key-per-algorithm, RFC 8725 §3.1]',
    tries: 'a header that names another algorithm, signed with the true key as if it were ES256',
    stoppedBy: 'a key of the JWK Set is valid only for the algorithm that it names',
    needs: 'signing key',
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const { privateKey } = target.key;
      await assertAccepted(target, forge(genuine, {}, privateKey));
      const algs = ['ES256K', 'ES384', 'ES512', 'EdDSA', 'HS256', 'none', 'es256', undefined];
      return assertRefused(
        target,
        Object.fromEntries(algs.map((alg) => [`alg ${alg}`, forge(genuine, { header: { alg } }, privateKey)])),
      );
    },
  },
];

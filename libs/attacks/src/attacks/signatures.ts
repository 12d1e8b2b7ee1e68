import { sign } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { encode, forge, assertAccepted, assertRefused, untilRefused } from '../forge.ts';
import { call, form } from '../http.ts';

/** The order of P-256. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const number = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);
const bytes32 = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');

/** The other valid signature: r and n − s. */
function twinOf(signature: Buffer): Buffer {
  return Buffer.concat([signature.subarray(0, 32), bytes32(order - number(signature.subarray(32)))]);
}

/** The last base64url character of 64 bytes has four unused bits. */
function otherEnding(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1)!) ^ 1];
}

export const signatures: Attack[] = [
  {
    name: 'a changed token',
    rule: '[signature, RFC 7518 §3.4]',
    tries: 'a genuine token with more scope, another client, a later expiry, and each part of another token',
    stoppedBy: 'the signature covers the header and the claims as sent',
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const other = await target.tokenOf('report-generator');
      const [header, , signature] = token.split('.');
      const changed = (claims: object) => `${header}.${encode({ ...decodeJwt(token), ...claims })}.${signature}`;
      return assertRefused(target, {
        'more scope': changed({ scope: 'jobs:read jobs:write reports:read' }),
        'another client': changed({ sub: 'administrator', client_id: 'administrator' }),
        'a later expiry': changed({ exp: 9_999_999_999 }),
        'the same claims, serialized differently': `${header}.${encode(` ${JSON.stringify(decodeJwt(token))}`)}.${signature}`,
        'another token’s claims': `${header}.${other.split('.')[1]}.${signature}`,
        'another token’s signature': `${token.split('.').slice(0, 2).join('.')}.${other.split('.')[2]}`,
      });
    },
  },
  {
    name: 'malformed signatures',
    rule: '[signature, RFC 7518 §3.4]',
    tries: 'zeros, the order of the curve, too short, too long, padding, other alphabets, text that is not base64',
    stoppedBy: 'a signature must be 64 bytes: two numbers between 1 and the order of the curve',
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const [header, claims, encoded = ''] = token.split('.');
      const signature = Buffer.from(encoded, 'base64url');
      const zero = Buffer.alloc(32);
      const values: Record<string, Buffer> = {
        'r = s = 0': Buffer.alloc(64),
        'r = 0': Buffer.concat([zero, signature.subarray(32)]),
        's = 0': Buffer.concat([signature.subarray(0, 32), zero]),
        'r = s = n': Buffer.concat([bytes32(order), bytes32(order)]),
        'r = s = 1': Buffer.concat([bytes32(1n), bytes32(1n)]),
        'all ones': Buffer.alloc(64, 255),
        '63 bytes': signature.subarray(1),
        '65 bytes': Buffer.concat([zero.subarray(0, 1), signature]),
        '96 bytes': Buffer.concat([signature, zero]),
        'one byte': signature.subarray(0, 1),
        '16 KB': Buffer.alloc(8000, 1),
        nothing: Buffer.alloc(0),
      };
      const texts = {
        padded: `${encoded}==`,
        'with a backslash': `${encoded}\\`,
        'standard alphabet': signature.toString('base64'),
        'not base64': '§§§',
        'a space within': `${encoded.slice(0, 10)} ${encoded.slice(10)}`,
      };
      const named = Object.entries(values).map(([name, value]) => [name, value.toString('base64url')]);
      return assertRefused(
        target,
        Object.fromEntries(
          [...named, ...Object.entries(texts)]
            .filter(([, text]) => text !== encoded)
            .map(([name, text]) => [name, `${header}.${claims}.${Buffer.from(text!, 'utf8').toString('latin1')}`]),
        ),
      );
    },
  },
  {
    name: 'a valid signature in another form',
    rule: '[signature, RFC 7518 §3.4]',
    tries: 'the real key’s signature in DER, and over the token in other forms of JWS',
    stoppedBy: 'a token must be three parts in base64url, and its signature r and s, 64 bytes',
    needs: 'signing key',
    async run(target) {
      const { privateKey } = target.key;
      const genuine = forge(await target.tokenOf('batch-processor'), {}, privateKey);
      await assertAccepted(target, genuine);
      const [header = '', claims = '', signature = ''] = genuine.split('.');
      const der = sign('sha256', Buffer.from(`${header}.${claims}`), privateKey).toString('base64url');
      const plain = JSON.stringify(decodeJwt(genuine));
      const b64 = encode({ ...JSON.parse(Buffer.from(header, 'base64url').toString()), b64: false, crit: ['b64'] });
      const overPlain = sign('sha256', Buffer.from(`${b64}.${plain}`), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return assertRefused(target, {
        DER: `${header}.${claims}.${der}`,
        'four parts': `${genuine}.${signature}`,
        'five parts, as of an encrypted token': `${header}..${claims}.${signature}.`,
        'two parts': `${header}.${claims}`,
        'claims that are not encoded (RFC 7797)': `${b64}.${encode(plain)}.${overPlain.toString('base64url')}`,
        'as JSON': encode({ protected: header, payload: claims, signature }),
      });
    },
  },
  {
    name: 'a critical header that is not understood',
    rule: '[critical-headers, RFC 7515 §4.1.11]',
    tries: 'crit with an unknown name, with a known one, empty, and in other shapes, with a valid signature',
    stoppedBy: 'a token with a critical header that is not understood is refused',
    needs: 'signing key',
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const { privateKey } = target.key;
      await assertAccepted(target, forge(genuine, {}, privateKey));
      const headers: Record<string, object> = {
        unknown: { crit: ['https://example.com/x'], 'https://example.com/x': true },
        'unknown and absent': { crit: ['x'] },
        'a registered name': { crit: ['alg'] },
        'exp as a header': { crit: ['exp'], exp: 9_999_999_999 },
        empty: { crit: [] },
        'a text': { crit: 'x', x: 1 },
        'an object': { crit: { x: true }, x: 1 },
        nested: { crit: [['x']], x: 1 },
        null: { crit: null },
      };
      return assertRefused(
        target,
        Object.fromEntries(
          Object.entries(headers).map(([name, header]) => [name, forge(genuine, { header }, privateKey)]),
        ),
      );
    },
  },
  {
    name: 'the twin of a revoked token',
    rule: '[revoked-token, RFC 7009 §2]',
    tries: 'a revoked token with its other valid signature (r and n − s), and with other unused bits',
    stoppedBy: 'a token is revoked by its jti, which all its variants share',
    async run(target) {
      const token = await target.freshTokenOf('jobs-cli');
      await assertAccepted(target, token);
      const [header, claims, signature = ''] = token.split('.');
      const twin = `${header}.${claims}.${twinOf(Buffer.from(signature, 'base64url')).toString('base64url')}`;
      // The twin is accepted as long as the original is valid.
      await assertAccepted(target, twin);
      const authorization = target.authorizationOf('jobs-cli');
      const { status } = await call(`${target.issuer}/oauth/revoke`, form({ token }, { authorization }));
      assert(status === 200, `the token could not be revoked: ${status}`);
      await untilRefused(target, token);
      return assertRefused(target, { itself: token, twin, 'other unused bits': otherEnding(token) });
    },
  },
];

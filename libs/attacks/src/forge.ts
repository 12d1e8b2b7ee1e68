import { setTimeout as sleep } from 'node:timers/promises';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { assert, NotStopped } from './not-stopped.ts';
import { bearer, call, counted, type Answer } from './http.ts';
import type { Target } from './target.ts';

/** A key of the attacker. */
export const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const strangersJwk = (kid: string) => ({
  ...stranger.publicKey.export({ format: 'jwk' }),
  kid,
  alg: 'ES256',
  use: 'sig',
});

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export const es256 = (input: string, key: KeyObject): Buffer =>
  sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });

/** A copy of a genuine token with changed claims and header, signed by this key. */
export function forge(
  genuine: string,
  { header, claims }: { header?: object | string; claims?: object | string },
  key: KeyObject = stranger.privateKey,
): string {
  const head = typeof header === 'string' ? header : { ...decodeProtectedHeader(genuine), ...header };
  const body = typeof claims === 'string' ? claims : { ...decodeJwt(genuine), ...claims };
  const input = `${encode(head)}.${encode(body)}`;
  return `${input}.${es256(input, key).toString('base64url')}`;
}

/** Presents a token to the jobs API. */
export const present = (target: Target, token: string): Promise<Answer> =>
  call(`${target.jobsApi}/jobs?limit=1`, bearer(token));

/** A refusal proves something only if the same token without the fault is accepted. */
export async function assertAccepted(target: Target, token: string): Promise<void> {
  const { status, text } = await present(target, token);
  assert(status === 200, `a valid token is not accepted: ${status} ${text}`);
}

/** Resource servers learn of a revocation within a second; slow ones get five. */
export async function untilRefused(target: Target, token: string): Promise<void> {
  for (let attempts = 0; attempts < 50; attempts++) {
    if ((await present(target, token)).status === 401) return;
    await sleep(100);
  }
  throw new NotStopped('a revoked token is still accepted after five seconds');
}

/** Each of the tokens, by its name, must be refused as invalid. */
export async function assertRefused(target: Target, tokens: Record<string, string>): Promise<string> {
  const answers: string[] = [];
  for (const [name, token] of Object.entries(tokens)) {
    const { status, body, headers } = await present(target, token);
    const challenge = headers['www-authenticate'] ?? '';
    const isMalformed = status === 400 && challenge.startsWith('Bearer error="invalid_request"');
    if (!isMalformed && (status !== 401 || !challenge.startsWith('Bearer error="invalid_token"'))) {
      throw new NotStopped(`${name}: ${status} ${body.detail ?? ''}`);
    }
    answers.push(`${status} ${String(body.error)}`);
  }
  return counted(answers);
}

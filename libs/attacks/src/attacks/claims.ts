import { decodeJwt } from 'jose';
import type { Attack } from '../attack.ts';
import { forge, assertAccepted, assertRefused } from '../forge.ts';
import type { Target } from '../target.ts';

/** Presents tokens signed by the real key with these claims, which may be malformed JSON. */
async function withClaims(target: Target, variants: Record<string, object | string>): Promise<string> {
  const genuine = await target.tokenOf('batch-processor');
  const { privateKey } = target.key;
  await assertAccepted(target, forge(genuine, {}, privateKey));
  return assertRefused(
    target,
    Object.fromEntries(
      Object.entries(variants).map(([name, claims]) => [name, forge(genuine, { claims }, privateKey)]),
    ),
  );
}

/** The claims as JSON text, with one value as given. */
function written(genuine: string, claim: string, value: string): string {
  const claims = decodeJwt(genuine);
  delete claims[claim];
  return JSON.stringify(claims).replace(/\}$/, `,"${claim}":${value}}`);
}

/** The claim with each of these values, by name; omits a value that happens to be the right one in a deployment. */
const listed = (claim: string, values: unknown[], right?: string) =>
  Object.fromEntries(
    values
      .filter((value) => value !== right || right === undefined)
      .map((value) => [`${claim} ${JSON.stringify(value)}`, { [claim]: value }]),
  );

export const claims: Attack[] = [
  {
    name: 'a token for another resource',
    rule: '[audience, RFC 9068 §4]',
    tries: 'tokens that the server issued for other resources, with all their scopes',
    stoppedBy: 'the audience must be the resource itself',
    async run(target) {
      return assertRefused(target, {
        'the batch processor’s': await target.tokenOf('jobs-cli', 'runs:write'),
      });
    },
  },
  {
    name: 'audiences that look like the right one',
    rule: '[audience, RFC 9068 §4]',
    tries: 'an audience with an extra slash, in capitals, with another port, a longer one, a part of it, none',
    stoppedBy: 'the audience is compared character by character',
    needs: 'signing key',
    run(target) {
      const { jobsApi } = target;
      const { protocol, host, hostname } = new URL(jobsApi);
      return withClaims(
        target,
        listed(
          'aud',
          [
            `${jobsApi}/`,
            `${jobsApi}/jobs`,
            jobsApi.toUpperCase(),
            `${jobsApi}.example.com`,
            `${jobsApi}@example.com`,
            `https://example.com/?${jobsApi}`,
            `${protocol}//${hostname}`,
            `${protocol}//${hostname}:1`,
            protocol === 'http:' ? `https://${host}` : `http://${host}`,
            ` ${jobsApi}`,
            `${jobsApi}\0`,
            jobsApi.slice(0, -1),
            '*',
            '',
            target.batchProcessor,
            target.issuer,
            [target.batchProcessor, `${jobsApi}/`],
            [[jobsApi]],
            [],
            { 0: jobsApi },
            null,
            true,
            undefined,
          ],
          jobsApi,
        ),
      );
    },
  },
  {
    name: 'issuers that look like the right one',
    rule: '[issuer, RFC 9068 §4]',
    tries: 'an issuer with an extra slash, in capitals, a longer one, one that begins with it, several, none',
    stoppedBy: 'the issuer is compared character by character',
    needs: 'signing key',
    run(target) {
      const { issuer } = target;
      return withClaims(
        target,
        listed(
          'iss',
          [
            `${issuer}/`,
            issuer.toUpperCase(),
            issuer.replace('http:', 'https:').replace(/^https:(?=.*https)/, 'http:'),
            `${issuer}.example.com`,
            `${issuer}@example.com`,
            `${issuer}#`,
            ` ${issuer}`,
            `${issuer}\0`,
            issuer.slice(0, -1),
            'https://example.com',
            '',
            [issuer],
            { 0: issuer },
            null,
            undefined,
          ],
          issuer,
        ),
      );
    },
  },
  {
    name: 'invalid times',
    rule: '[token-times, RFC 7519 §4.1]',
    tries: 'exp, iat and nbf that are in the past, in the future, text, infinite, not a number, or missing',
    stoppedBy: 'times must be numbers; a token must be valid now, with a tolerance of five seconds',
    needs: 'signing key',
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const now = Math.floor(Date.now() / 1000);
      const odd = ['"9999999999"', '"never"', 'null', 'true', '[9999999999]', '{}', '""'];
      const raw = (claim: string, values: string[]) =>
        Object.fromEntries(values.map((value) => [`${claim} ${value}`, written(genuine, claim, value)]));
      return withClaims(target, {
        ...listed('exp', [now - 6, now - 3600, 0, -1, -1e300, undefined]),
        ...raw('exp', [...odd, '1e400', '-1e400', 'NaN', 'Infinity', '0x7fffffff', '01']),
        ...listed('nbf', [now + 60, now * 1000, 1e300]),
        ...raw('nbf', [...odd, '1e400', '-1e400', 'NaN']),
        ...raw('iat', [...odd, '1e400', '-1e400']),
        'no iat': { iat: undefined },
      });
    },
  },
  {
    name: 'claims that are not what they should be',
    rule: '[token-validation, RFC 9068 §4]',
    tries:
      'sub, client_id, jti and scope that are missing or not text, a scope with stray separators, claims that are not an object',
    stoppedBy: 'every claim that is used is validated first',
    needs: 'signing key',
    run(target) {
      const odd = [undefined, null, 1, true, [], ['batch-processor'], {}];
      return withClaims(target, {
        ...listed('sub', odd),
        ...listed('client_id', odd),
        ...listed('jti', odd),
        ...listed('scope', [
          null,
          1,
          ['jobs:read'],
          { 'jobs:read': true },
          ' jobs:read',
          'jobs:read  jobs:write',
          '\0',
          '',
        ]),
        ...Object.fromEntries(['[]', '"text"', 'null', '1', '{', ''].map((text) => [`claims ${text}`, text])),
      });
    },
  },
];

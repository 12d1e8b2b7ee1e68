import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeProtectedHeader } from 'jose';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { forge, assertAccepted, assertRefused, present, strangersJwk } from '../forge.ts';
import { counted } from '../http.ts';
import type { Target } from '../target.ts';

const ownKeys = 'keys come only from the JWK Set of the issuer; key headers of the token are ignored';

/** A server that follows a URL in a token would have fetched it by then. */
async function assertNoFetch({ canary }: Target): Promise<void> {
  await sleep(200);
  assert(canary.requests.length === 0, `the URL in a token was fetched: ${canary.requests.join(', ')}`);
}

/** How often the JWK Set has been fetched so far. */
async function keyFetches({ inspect }: Target): Promise<number> {
  const { text } = await inspect('auth-server', '/metrics');
  const counts = text.matchAll(
    /^http_request_duration_seconds_count\{[^}]*route="\/\.well-known\/jwks\.json"[^}]*\} (\d+)/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

export const keys: Attack[] = [
  {
    name: 'a key in the token',
    rule: '[header-keys-ignored, RFC 8725 §3.10]',
    tries:
      'a token that is signed with the attacker’s key and includes it: jwk, x5c, with the real kid and with its own',
    stoppedBy: ownKeys,
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const { kid } = decodeProtectedHeader(genuine);
      const x5c = ['MIIBszCCAVmgAwIBAgIUY2FuYXJ5'];
      return assertRefused(target, {
        'jwk, the real kid': forge(genuine, { header: { jwk: strangersJwk(String(kid)) } }),
        'jwk, its own kid': forge(genuine, { header: { jwk: strangersJwk('own'), kid: 'own' } }),
        'jwk, no kid': forge(genuine, { header: { jwk: strangersJwk('own'), kid: undefined } }),
        'a set of keys': forge(genuine, { header: { jwks: { keys: [strangersJwk(String(kid))] } } }),
        'x5c, the real kid': forge(genuine, { header: { x5c } }),
        'x5c, a thumbprint as kid': forge(genuine, { header: { x5c, x5t: 'own', 'x5t#S256': 'own', kid: 'own' } }),
      });
    },
  },
  {
    name: 'a key URL in the token',
    rule: '[header-keys-ignored, RFC 8725 §3.10]',
    tries: 'a token with jku, x5u or kid that point to a server of the attacker, which serves its own key',
    stoppedBy: `${ownKeys}: no request reached the attacker’s server`,
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const { url } = target.canary;
      const jku = `${url}/jwks.json`;
      const answers = await assertRefused(target, {
        jku: forge(genuine, { header: { jku, kid: 'canary' } }),
        'jku, the real kid': forge(genuine, { header: { jku } }),
        'jku behind the issuer as a user name': forge(genuine, {
          header: { jku: `${target.issuer}@${new URL(url).host}/jwks.json`, kid: 'canary' },
        }),
        x5u: forge(genuine, { header: { x5u: `${url}/certificate.pem`, kid: 'canary' } }),
        'kid as a URL': forge(genuine, { header: { kid: jku } }),
        'another issuer': forge(genuine, { header: { kid: 'canary' }, claims: { iss: url } }),
      });
      await assertNoFetch(target);
      return `${answers}; 0 requests at the attacker’s server`;
    },
  },
  {
    name: 'a key URL with a valid signature',
    rule: '[header-keys-ignored, RFC 8725 §3.10]',
    tries: 'a token that is valid except for a jku and an x5u, to make the resource server fetch from the attacker',
    stoppedBy: `${ownKeys}: no request reached the attacker’s server`,
    needs: 'signing key',
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const header = { jku: `${target.canary.url}/jwks.json`, x5u: `${target.canary.url}/certificate.pem` };
      await assertAccepted(target, forge(genuine, { header }, target.key.privateKey));
      await assertNoFetch(target);
      return `200; 0 requests at the attacker’s server`;
    },
  },
  {
    name: 'a malicious key identifier',
    rule: '[kid-only-compared, RFC 8725 §3.10]',
    tries:
      'a kid that is a path, a query, a command, a prototype, very long, or not text, signed with a key of the attacker',
    stoppedBy: 'the kid is only compared with those of the JWK Set',
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const kids: unknown[] = [
        '../../../../dev/null',
        'file:///dev/null',
        `' OR '1'='1`,
        `x'; SELECT pg_sleep(10); --`,
        '$(sleep 10)',
        '| sleep 10',
        '{{7*7}}',
        '__proto__',
        'constructor',
        'toString',
        '\0',
        'a\r\nx-injected: 1',
        'k'.repeat(6000),
        '',
        ['a'],
        { kid: 'a' },
        0,
        true,
        null,
      ];
      return assertRefused(
        target,
        Object.fromEntries(
          kids.map((kid) => [`kid ${JSON.stringify(kid).slice(0, 40)}`, forge(genuine, { header: { kid } })]),
        ),
      );
    },
  },
  {
    name: 'the real kid with another key',
    rule: '[signature, RFC 7518 §3.4]',
    tries: 'a token that names the published key and is signed with another one of the same kind',
    stoppedBy: 'the signature is checked with the key that the kid names',
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      return assertRefused(target, { 'another key': forge(genuine, {}) });
    },
  },
  {
    name: 'a flood of unknown keys',
    rule: '[unknown-kid-cooldown, Lanyard]',
    tries:
      '500 tokens with different kids, to make the resource server fetch keys from the authorization server each time',
    stoppedBy: 'any number of unknown keys causes at most one fetch in half a minute',
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const before = await keyFetches(target);
      assert(before > 0, 'the fetches of the JWK Set are not counted');
      const flood = async () => {
        const statuses = [];
        for (let i = 0; i < 50; i++) {
          const { status } = await present(target, forge(genuine, { header: { kid: randomUUID() } }));
          statuses.push(status);
        }
        return statuses;
      };
      const statuses = (await Promise.all(Array.from({ length: 10 }, flood))).flat();
      assert(
        statuses.every((status) => status === 401),
        `unknown keys: ${counted(statuses)}`,
      );
      const fetches = (await keyFetches(target)) - before;
      // Meanwhile each resource server may also have begun or ended its own long poll.
      assert(fetches <= 5, `500 unknown keys caused ${fetches} fetches of the JWK Set`);
      return `${counted(statuses)}; ${fetches} fetches of the JWK Set`;
    },
  },
];

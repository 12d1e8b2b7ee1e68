import { decodeJwt } from 'jose';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { forge, assertAccepted, assertRefused, encode, untilRefused } from '../forge.ts';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { call, counted, form } from '../http.ts';

export const tokenTypes: Attack[] = [
  {
    name: 'other tokens of the same issuer',
    rule: '[other-token-types, RFC 8725 §3.12]',
    tries: 'the signed revocation list and a signed introspection response, presented as access tokens',
    stoppedBy: 'an access token must have typ "at+jwt" in its header and all claims of an access token',
    async run(target) {
      const authorization = target.authorizationOf('jobs-api');
      const accept = 'application/token-introspection+jwt';
      const token = await target.tokenOf('batch-processor');
      // Only the end of the list: the whole list may exceed the maximum size of a header.
      const listAfter = (query = '') =>
        call(`${target.issuer}/oauth/revocations${query}`, { headers: { authorization } });
      let list = await listAfter();
      for (let isEnd = false; !isEnd;) {
        const { cursor, more } = decodeJwt(list.text);
        isEnd = !more;
        list = await listAfter(`?cursor=${cursor}`);
      }
      const introspection = await call(`${target.issuer}/oauth/introspect`, form({ token }, { authorization, accept }));
      assert(list.text.startsWith('eyJ') && introspection.text.startsWith('eyJ'), 'the other tokens are not available');
      return assertRefused(target, {
        'a revocation list': list.text,
        'an introspection response': introspection.text,
      });
    },
  },
  {
    name: 'a token of another type with all claims of an access token',
    rule: '[explicit-type, RFC 9068 §4]',
    tries: 'a token with the real key and claims, and a typ that is different, missing, or not text',
    stoppedBy: 'typ must be "at+jwt"',
    needs: 'signing key',
    async run(target) {
      const genuine = await target.tokenOf('batch-processor');
      const { privateKey } = target.key;
      await assertAccepted(target, forge(genuine, {}, privateKey));
      const types: unknown[] = [
        undefined,
        '',
        'JWT',
        'jwt',
        'at',
        'at+jwt ',
        'at+jws',
        'jat+jwt',
        'text/at+jwt',
        'application/jwt',
        'revocations+jwt',
        'token-introspection+jwt',
        'client-authentication+jwt',
        'dpop+jwt',
        'logout+jwt',
        'secevent+jwt',
        ['at+jwt'],
        { 'at+jwt': true },
        null,
        1,
      ];
      return assertRefused(
        target,
        Object.fromEntries(
          types.map((typ) => [`typ ${JSON.stringify(typ)}`, forge(genuine, { header: { typ } }, privateKey)]),
        ),
      );
    },
  },
  {
    name: 'an access token as a client’s credentials',
    rule: '[no-assertions, RFC 7523 §3]',
    tries: 'an access token as client assertion, as client secret, and as Bearer at the token endpoint',
    stoppedBy: 'clients authenticate only with their secret, by client_secret_basic or client_secret_post',
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const grant = { grant_type: 'client_credentials' };
      const assertion = {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: token,
      };
      const unsigned = `${encode({ alg: 'none' })}.${encode({ iss: 'batch-processor', sub: 'batch-processor' })}.`;
      const requests = [
        form({ ...grant, ...assertion }),
        form({ ...grant, ...assertion, client_id: 'batch-processor' }),
        form({ ...grant, ...assertion, client_assertion: unsigned }),
        form({ ...grant, client_id: 'batch-processor', client_secret: token }),
        form(grant, { authorization: basicCredentials('batch-processor', token) }),
        form(grant, { authorization: `Bearer ${token}` }),
        form(grant, { authorization: `DPoP ${token}` }),
      ];
      const statuses = [];
      for (const request of requests) {
        const { status, body } = await call(target.tokenEndpoint, request);
        assert(status === 401 || status === 429, `an access token was accepted as credentials: ${status}`);
        statuses.push(`${status} ${String(body.error)}`);
      }
      return counted(statuses);
    },
  },
  {
    name: 'a revoked token',
    rule: '[revoked-token, RFC 7009 §2]',
    tries: 'a token after its revocation, repeatedly, at the jobs API and at introspection',
    stoppedBy: 'resource servers follow the revocation list',
    async run(target) {
      const token = await target.freshTokenOf('jobs-cli');
      await assertAccepted(target, token);
      const authorization = target.authorizationOf('jobs-cli');
      await call(`${target.issuer}/oauth/revoke`, form({ token }, { authorization }));
      await untilRefused(target, token);
      const answers = await assertRefused(target, { first: token, second: token, third: token });
      const introspection = await call(
        `${target.issuer}/oauth/introspect`,
        form({ token }, { authorization: target.authorizationOf('jobs-api') }),
      );
      assert(introspection.text === '{"active":false}', `introspection says ${introspection.text}`);
      return `${answers}; introspection: ${introspection.text}`;
    },
  },
];

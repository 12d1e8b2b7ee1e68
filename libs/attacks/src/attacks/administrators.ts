import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { accompliceOf, administer, withClient } from '../administer.ts';
import type { Attack } from '../attack.ts';
import { call, counted } from '../http.ts';
import { assert } from '../not-stopped.ts';

const json = { 'content-type': 'application/json' };

export const administrators: Attack[] = [
  {
    name: 'an administrator who extends their own rights',
    rule: '[own-administrative-scopes, Lanyard]',
    tries:
      'a token with clients:write, to give its own and a new client the right to rotate keys and read the audit log',
    stoppedBy: 'an administrator can grant only the administrative scopes of their own token',
    needs: 'administrator',
    async run(target) {
      const authorization = `Bearer ${await target.tokenOf('administrator', 'clients:write')}`;
      const headers = { ...json, authorization };
      const more = { scope: 'clients:write keys:rotate audit:read' };
      const answers = [
        await call(`${target.issuer}/admin/clients/administrator`, {
          method: 'PATCH',
          headers,
          body: JSON.stringify(more),
        }),
        await call(`${target.issuer}/admin/clients`, {
          method: 'POST',
          headers,
          body: JSON.stringify({ client_id: 'attacker', ...more }),
        }),
        await call(`${target.issuer}/admin/clients/administrator/secrets`, { method: 'POST', headers, body: '{}' }),
        await call(`${target.issuer}/admin/audit`, { headers }),
        await call(`${target.issuer}/admin/keys/rotate`, { method: 'POST', headers, body: '{}' }),
      ];
      const statuses = answers.map(({ status }) => status);
      assert(
        statuses.every((status) => [403, 404].includes(status)),
        `answered ${statuses.join(' ')}`,
      );
      return counted(statuses);
    },
  },
  {
    name: 'a demoted administrator',
    rule: '[current-rights, Lanyard]',
    tries:
      'the token from before the demotion, to take the scopes back, register an accomplice, add a secret and withdraw the keys; also during the demotion',
    stoppedBy:
      'each change checks both the token and the registry in its transaction, and losing an administrative scope revokes the tokens',
    needs: 'administrator',
    run: (target) => {
      const scope = 'clients:read clients:write keys:rotate tokens:revoke';
      return withClient(target, scope, async ({ id, as, administrator }) => {
        const acts = () => [
          as('PATCH', `/clients/${id}`, { scope }),
          as('POST', '/clients', { client_id: accompliceOf(id), scope }),
          as('POST', `/clients/${id}/secrets`, {}),
          as('POST', '/registry', { registry: { clients: [{ client_id: id, scope }] } }),
        ];
        const [demotion] = await Promise.all([
          administrator('PATCH', `/clients/${id}`, { scope: '', default_scope: '' }),
          ...acts(),
        ]);
        assert(demotion.status === 200, `the demotion was answered with ${demotion.status}`);
        const after = [
          ...acts(),
          as('POST', '/keys/rotate', { emergency: true }),
          as('POST', '/revocations', { client_id: 'administrator' }),
          as('POST', '/clients/jobs-api/disable'),
          as('DELETE', '/clients/jobs-api'),
        ];
        const statuses = (await Promise.all(after)).map(({ status }) => status);
        assert(
          statuses.every((status) => status === 401 || status === 403),
          `after the demotion: ${counted(statuses)}`,
        );
        const { body } = await administrator('GET', `/clients/${id}`);
        assert(body.scope === '', `the demoted administrator has the scope ${String(body.scope)}`);
        return counted(statuses);
      });
    },
  },
  {
    name: 'the tokens of a higher administrator',
    rule: '[own-administrative-scopes, Lanyard]',
    tries:
      'a client that may only revoke tokens, to revoke those of the administrator: one token, by its jti, all, and by a secret',
    stoppedBy: 'revoking a token requires the administrative scopes of its client',
    needs: 'administrator',
    run: (target) =>
      withClient(target, 'tokens:revoke', async ({ as, administrator }) => {
        const token = await target.freshTokenOf('administrator');
        const { body } = await administrator('GET', '/clients/administrator/secrets');
        const [secret] = body.items as { secret_id: string }[];
        const statuses = [];
        for (const revocation of [
          { token },
          { jti: decodeJwt(token).jti },
          { client_id: 'administrator' },
          { secret_id: secret?.secret_id },
        ]) {
          const { status } = await as('POST', '/revocations', revocation);
          assert(status === 403, `${Object.keys(revocation).join()}: ${status}`);
          statuses.push(status);
        }
        const { status } = await administer(target, token, 'GET', '/keys');
        assert(status === 200, `the token of the administrator was answered with ${status}`);
        return counted(statuses);
      }),
  },
  {
    name: 'the token of a removed secret',
    rule: '[lost-rights, Lanyard]',
    tries: 'a token that was obtained with a secret, after the secret was removed',
    stoppedBy: 'removing a secret revokes its tokens, and every resource server learns this within a second',
    needs: 'administrator',
    run: (target) =>
      withClient(target, 'jobs:read', async ({ id, token, administrator }) => {
        const headers = { authorization: `Bearer ${token}` };
        const ask = async () => (await call(`${target.jobsApi}/jobs?limit=1`, { headers })).status;
        assert((await ask()) === 200, 'the token was not accepted before');
        const { body } = await administrator('GET', `/clients/${id}/secrets`);
        for (const { secret_id: secretId } of body.items as { secret_id: string }[]) {
          await administrator('DELETE', `/clients/${id}/secrets/${secretId}`);
        }
        let status = await ask();
        for (let attempts = 0; attempts < 100 && status !== 401; attempts++) {
          await sleep(20);
          status = await ask();
        }
        assert(status === 401, `the token is still answered with ${status}`);
        return '1 × 401';
      }),
  },
];

import { randomUUID } from 'node:crypto';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { call, form } from './http.ts';
import { assert } from './not-stopped.ts';
import type { Target } from './target.ts';

const json = { 'content-type': 'application/json' };

/** Calls the administration API. */
export const administer = (target: Target, token: string, method: string, path: string, body?: object) =>
  call(`${target.issuer}/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && json) },
    ...(body && { body: JSON.stringify(body) }),
  });

export const accompliceOf = (id: string) => `${id}-accomplice`;

/**
 * Runs an attack with its own client, a token of it, and the administrator. Afterwards deletes the client and its
 * accomplice.
 */
export async function withClient<Result>(
  target: Target,
  scope: string,
  attack: (attacker: {
    id: string;
    token: string;
    as: (method: string, path: string, body?: object) => ReturnType<typeof administer>;
    administrator: (method: string, path: string, body?: object) => ReturnType<typeof administer>;
  }) => Promise<Result>,
): Promise<Result> {
  const id = `attacker-${randomUUID().slice(0, 8)}`;
  const own = await target.tokenOf('administrator');
  const administrator = (method: string, path: string, body?: object) => administer(target, own, method, path, body);
  try {
    const created = await administrator('POST', '/clients', { client_id: id, scope, default_scope: scope });
    assert(created.status === 201, `no client could be registered: ${created.status} ${created.text}`);
    const authorization = basicCredentials(id, String(created.body.client_secret));
    const answer = await call(target.tokenEndpoint, form({ grant_type: 'client_credentials' }, { authorization }));
    const token = String(answer.body.access_token);
    const as = (method: string, path: string, body?: object) => administer(target, token, method, path, body);
    return await attack({ id, token, as, administrator });
  } finally {
    // An attack that is not stopped may have revoked the administrator's token.
    const cleaner = await target.freshTokenOf('administrator');
    for (const client of [id, accompliceOf(id)]) await administer(target, cleaner, 'DELETE', `/clients/${client}`);
  }
}

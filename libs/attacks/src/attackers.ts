import { randomBytes } from 'node:crypto';
import { assert } from './not-stopped.ts';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { call, form, type Answer } from './http.ts';
import type { Target } from './target.ts';

export const grant = { grant_type: 'client_credentials' };
export const unknownClient = (): string => `unknown-${randomBytes(6).toString('hex')}`;

/** Authenticates with a wrong secret. */
export const guess = (target: Target, clientId: string, headers: Record<string, string> = {}): Promise<Answer> =>
  call(
    target.tokenEndpoint,
    form(grant, { authorization: basicCredentials(clientId, randomBytes(32).toString('hex')), ...headers }),
  );

/** Runs an attack by a new client with this quota, and deletes the client afterwards. */
export async function withNewClient<Result>(
  target: Target,
  tokensPerMinute: number,
  attack: (client: { clientId: string; authorization: string }) => Promise<Result>,
): Promise<Result> {
  const token = await target.tokenOf('administrator', 'clients:write');
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const clientId = `attacker-${randomBytes(6).toString('hex')}`;
  const client = {
    client_id: clientId,
    scope: 'jobs:read',
    default_scope: 'jobs:read',
    tokens_per_minute: tokensPerMinute,
  };
  const created = await call(`${target.issuer}/admin/clients`, {
    method: 'POST',
    headers,
    body: JSON.stringify(client),
  });
  assert(created.status === 201, `the client could not be registered: ${created.status} ${String(created.body.title)}`);
  try {
    return await attack({ clientId, authorization: basicCredentials(clientId, String(created.body.client_secret)) });
  } finally {
    await call(`${target.issuer}/admin/clients/${encodeURIComponent(clientId)}`, { method: 'DELETE', headers });
  }
}

/** Whether the server only observes limits, according to its metrics. */
export async function observes({ inspect }: Target): Promise<boolean> {
  const { text } = await inspect('auth-server', '/metrics');
  return /^lanyard_throttled_requests_total\{[^}]*enforced="false"[^}]*\} [1-9]/m.test(text);
}

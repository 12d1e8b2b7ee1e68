import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import { momentSchema } from './text.ts';

/** The types of audit events, each with its meaning. */
export const auditEventTypes = {
  'client.created': 'a client was registered',
  'client.changed': 'fields of a client were changed: `details` has their old and new values',
  'client.disabled': 'a client and its access tokens are refused from now on',
  'client.enabled': 'a disabled client is accepted again',
  'client.deleted': 'a client and its secrets were deleted, and its access tokens revoked',
  'secret.added': 'a secret was added to a client',
  'secret.ends': 'an expiry was set on a secret, since a newer one replaces it',
  'secret.removed': 'a secret was removed, and the access tokens obtained with it revoked',
  'secret.consumed': 'a one-time secret was used, and removed',
  'resource.created': 'a protected resource was registered',
  'resource.changed': 'a protected resource or its scopes were changed',
  'resource.deleted': 'a protected resource was deleted with its scopes',
  'signing_key.announced': 'a signing key was created and published; it does not sign yet',
  'signing_key.activated': 'a signing key signs from now on',
  'signing_key.retired': 'a signing key no longer signs; its tokens are valid until they expire',
  'signing_key.deleted': 'a retired signing key was deleted, since all its tokens have expired',
  'signing_key.withdrawn': 'a signing key was deleted in an emergency: its tokens are refused from now on',
  'signing_keys.reencrypted': 'the private keys were encrypted with the current key encryption key',
  'access_token.issued': 'access tokens were issued to one client with one scope: `count` of them within a period',
  'access_token.revoked':
    'access tokens were revoked: one (`jti`), those that a secret obtained (`secret_id`), or all of the client, for example when it loses an administrative scope (`lost_scope`); recorded only once if a client revokes its own token again',
  'client_authentication.refused': 'a client could not authenticate: `count` times, for one reason, within a period',
  'request.throttled':
    'requests were refused after too many failures, or because a client had used up its quota: `count` times within a period',
  'administration.refused': 'a call to the administration API was refused: `count` times within a period',
  'audit.pruned': 'events older than the retention period were deleted; the chain continues from the last of them',
} as const;
export type AuditEventType = keyof typeof auditEventTypes;

export const auditEventTypeSchema = z.enum(Object.keys(auditEventTypes) as [AuditEventType, ...AuditEventType[]]);

/** One line of the audit log. */
export const auditEventSchema = z.object({
  sequence: z.int().describe('1, 2, 3 … without a gap'),
  occurred_at: momentSchema,
  type: auditEventTypeSchema,
  outcome: z.enum(['succeeded', 'refused']),
  actor: z.string().nullable().describe('the client that acted; `lanyard:…` for the server itself; null: unknown'),
  client_id: z.string().nullable().describe('the client that the event concerns'),
  address: z.string().nullable().describe('where the request came from'),
  request_id: z.string().nullable(),
  count: z.int(),
  details: z.record(z.string(), z.unknown()),
  previous_hash: z.string(),
  hash: z.string().describe('SHA-256 of all other fields in canonical form, RFC 8785; hexadecimal'),
});
export type AuditEvent = z.infer<typeof auditEventSchema>;

export const auditPageSchema = z.object({
  items: z.array(auditEventSchema),
  next: z.string().nullable().describe('the path of the next page, below the issuer'),
});

/** The `previous_hash` of the first event. */
export const chainStart = '0'.repeat(64);

/** The hash of an event, over all its other fields, including the hash of the event before it. */
export function hashOf({ hash: _, ...event }: Omit<AuditEvent, 'hash'> & { hash?: string }): string {
  return createHash('sha256')
    .update(canonicalize(event) ?? '')
    .digest('hex');
}

/** The part of the chain that is intact, and the place where it breaks, if it does. */
export interface ChainReport {
  events: number;
  first?: { sequence: number; hash: string };
  /** store it elsewhere: as long as it is part of the chain, nothing before it was rewritten */
  head?: { sequence: number; hash: string };
  /** `sequence` is that of the event that was changed, or that follows a missing one */
  broken?: { sequence: number; reason: string };
}

/**
 * Verifies the hash chain of consecutive events, oldest first.
 * @param known  the head of an earlier verification, which must still be part of the chain
 */
export async function verifyChain(
  events: AsyncIterable<AuditEvent> | Iterable<AuditEvent>,
  known?: { sequence: number; hash: string },
): Promise<ChainReport> {
  const report: ChainReport = { events: 0 };
  const prunings: { through_sequence?: unknown; through_hash?: unknown }[] = [];
  let start: AuditEvent | undefined;
  for await (const event of events) {
    const reason = breakAt(event, report.head) ?? (contradicts(event, known) && 'it is not the event that was noted');
    if (reason) return { ...report, broken: { sequence: event.sequence, reason } };
    if (event.type === 'audit.pruned') prunings.push(event.details);
    start ??= event;
    report.first ??= { sequence: event.sequence, hash: event.hash };
    report.head = { sequence: event.sequence, hash: event.hash };
    report.events += 1;
  }
  if (known && (report.head?.sequence ?? 0) < known.sequence) {
    return { ...report, broken: { sequence: known.sequence, reason: 'the noted event is missing' } };
  }
  if (start && start.previous_hash !== chainStart && !prunings.some((pruning) => leadsTo(pruning, start))) {
    return { ...report, broken: { sequence: start.sequence, reason: 'the events before it are missing' } };
  }
  return report;
}

function breakAt(event: AuditEvent, before: ChainReport['head']): string | undefined {
  if (before && event.sequence !== before.sequence + 1)
    return `it should be ${before.sequence + 1}: events are missing`;
  if (before && event.previous_hash !== before.hash) return 'it does not follow the event before it';
  return hashOf(event) === event.hash ? undefined : 'it was changed after it was written';
}

const contradicts = (event: AuditEvent, known?: { sequence: number; hash: string }) =>
  event.sequence === known?.sequence && event.hash !== known.hash;

const leadsTo = (pruning: { through_sequence?: unknown; through_hash?: unknown }, first: AuditEvent) =>
  pruning.through_sequence === first.sequence - 1 && pruning.through_hash === first.previous_hash;

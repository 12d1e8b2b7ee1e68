import { secretUsePeriod } from '../../registry/secret-uses.ts';

export interface SecretMoments {
  id: string;
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
}

/** How late a use may be recorded, since each replica writes uses in batches; ms. */
const recordingDelay = 2 * secretUsePeriod * 1000;

/**
 * Whether a secret can be removed without breaking a running instance of its client, since its tokens are revoked with
 * it. Each instance requests a token at least once per token lifetime: one that has this secret would have used it.
 * @param secrets   all secrets of the client
 * @param lifetime  of the client's access tokens, seconds
 * @param now       ms since the epoch
 */
export function adviceOn(
  secret: SecretMoments,
  secrets: readonly SecretMoments[],
  lifetime: number,
  now: number,
): { safe_to_remove: boolean; advice: string } {
  const no = (advice: string) => ({ safe_to_remove: false, advice });
  const yes = (advice: string) => ({ safe_to_remove: true, advice });
  const lastUse = (secret.lastUsedAt ?? secret.createdAt).getTime();
  const secondsToWait = (moment: number) => Math.ceil((moment + lifetime * 1000 + recordingDelay - now) / 1000);
  if (secret.expiresAt && secret.expiresAt.getTime() <= now) {
    const wait = secondsToWait(Math.min(lastUse, secret.expiresAt.getTime()));
    return wait > 0 ? no(`it has expired, but its tokens may not have; wait ${wait} s`) : yes('it has expired');
  }
  const others = secrets.filter(({ id, expiresAt }) => id !== secret.id && !(expiresAt && expiresAt.getTime() <= now));
  if (!others.some(({ lastUsedAt }) => lastUsedAt && lastUsedAt.getTime() > lastUse)) {
    return no(others.some(({ lastUsedAt }) => lastUsedAt) ? 'in use' : 'no other secret has been used yet');
  }
  // After a rotation, instances have one token lifetime to take up the new secret.
  const since = Math.max(lastUse, ...others.map(({ createdAt }) => createdAt.getTime()));
  const wait = secondsToWait(since);
  if (wait > 0) return no(`instances may still use it; wait ${wait} s`);
  return yes(secret.lastUsedAt ? 'unused for a token lifetime, and another is in use' : 'never used');
}

import { describe, expect, it } from '@jest/globals';
import { adviceOn } from './secret-advice.ts';

const now = 10_000_000;
const ago = (seconds: number | null) => (seconds === null ? null : new Date(now - seconds * 1000));
/** Created, last used and expired this many seconds ago. */
const secret = (id: string, created: number, used: number | null, expired: number | null = null) => ({
  id,
  createdAt: ago(created)!,
  lastUsedAt: ago(used),
  expiresAt: ago(expired),
});
const lifetime = 600;

describe('whether a secret is safe to remove', () => {
  it.each([
    ['the only one', secret('a', 9000, 5000), [], false, 'no other secret has been used yet'],
    [
      'one beside a new one that is not used',
      secret('a', 9000, 5),
      [secret('b', 60, null)],
      false,
      'no other secret has been used yet',
    ],
    ['one that was used more recently than the other', secret('a', 9000, 5), [secret('b', 8000, 50)], false, 'in use'],
    [
      'one that was used within a token lifetime',
      secret('a', 9000, 300),
      [secret('b', 8000, 5)],
      false,
      'instances may still use it; wait 310 s',
    ],
    [
      'one whose successor is younger than a token lifetime',
      secret('a', 9000, 5000),
      [secret('b', 100, 5)],
      false,
      'instances may still use it; wait 510 s',
    ],
    [
      'one that was not used for longer, while the other is used',
      secret('a', 9000, 611),
      [secret('b', 8000, 5)],
      true,
      'unused for a token lifetime, and another is in use',
    ],
    ['one that was never used, while another is', secret('b', 9000, null), [secret('a', 9900, 5)], true, 'never used'],
    [
      'a new one, which no instance uses yet',
      secret('b', 60, null),
      [secret('a', 9900, 5)],
      false,
      'instances may still use it; wait 550 s',
    ],
    [
      'one that expired, while its tokens may be in use',
      secret('a', 9000, 5, 1),
      [],
      false,
      'it has expired, but its tokens may not have; wait 605 s',
    ],
    ['one that expired with all its tokens', secret('a', 9000, 700, 650), [], true, 'it has expired'],
    ['one that expired and was used long before', secret('a', 9000, 700, 1), [], true, 'it has expired'],
    [
      'one whose only successor expired',
      secret('a', 9000, 5000),
      [secret('b', 8000, 5, 1)],
      false,
      'no other secret has been used yet',
    ],
  ])('%s', (_, of, others, safe, advice) => {
    expect(adviceOn(of, [of, ...others], lifetime, now)).toEqual({ safe_to_remove: safe, advice });
  });
});

import type { keyStates } from '@lanyard/administration';
import type { SigningKeyRow } from './signing-key.entity.ts';

/** How long keys stay in each state, seconds. */
export interface KeyPeriods {
  /** published before the first use: longer than any validator keeps the JWK Set */
  announcement: number;
  /** from the first use to the last */
  signing: number;
  /** published after the last use: longer than any access token lives */
  retirement: number;
}

/** No access token lives longer than an hour; the rest is for clocks, and replicas that learn of a change late. */
export const retirement = 3600 + 600;

type KeyMoments = Pick<SigningKeyRow, 'kid' | 'createdAt' | 'activatedAt' | 'retiredAt'>;

export type KeyState = (typeof keyStates)[number];

export function stateOf({ activatedAt, retiredAt }: Pick<KeyMoments, 'activatedAt' | 'retiredAt'>): KeyState {
  if (retiredAt) return 'retired';
  return activatedAt ? 'signing' : 'announced';
}

/** The next state of a key, and the earliest time of the change, ms since the epoch. */
export function nextOf(key: KeyMoments, periods: KeyPeriods): { next: 'signing' | 'retired' | 'deleted'; at: number } {
  if (key.retiredAt) return { next: 'deleted', at: key.retiredAt.getTime() + periods.retirement * 1000 };
  if (key.activatedAt) return { next: 'retired', at: key.activatedAt.getTime() + periods.signing * 1000 };
  return { next: 'signing', at: key.createdAt.getTime() + periods.announcement * 1000 };
}

export type KeyStep = { step: 'announce' } | { step: 'activate'; kid: string } | { step: 'delete'; kids: string[] };

/**
 * The steps that are due: a new key is announced one announcement period before the signing key's period ends, and
 * replaces it after that period; retired keys are deleted when the last token that they signed has expired.
 * @param now  ms since the epoch
 */
export function dueSteps(keys: readonly KeyMoments[], periods: KeyPeriods, now: number): KeyStep[] {
  const inState = (state: KeyState) => keys.filter((key) => stateOf(key) === state);
  const isDue = (key: KeyMoments) => nextOf(key, periods).at <= now;
  const [signing] = inState('signing');
  const announced = inState('announced').toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
  const ended = inState('retired').filter(isDue);
  const steps: KeyStep[] = ended.length > 0 ? [{ step: 'delete', kids: ended.map(({ kid }) => kid) }] : [];
  const [successor] = announced;
  if (successor) {
    if (!signing || isDue(successor)) steps.push({ step: 'activate', kid: successor.kid });
  } else if (!signing || nextOf(signing, periods).at - periods.announcement * 1000 <= now) {
    steps.push({ step: 'announce' });
  }
  return steps;
}

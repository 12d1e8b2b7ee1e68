import type { Target } from './target.ts';

/** One lesson: what is tried, and what stops it. */
export interface Attack {
  name: string;
  /** the rule that it tries to break, and where that stands: `[rule, RFC 1234 §5]` */
  rule: string;
  /** what is tried, in a sentence */
  tries: string;
  /** the check that stops it */
  stoppedBy: string;
  /** what it cannot do without: the signing key, so that nothing else is wrong with a token; a client of its own; TLS */
  needs?: 'signing key' | 'administrator' | 'https';
  /**
   * @returns what was answered
   * @throws {NotStopped}
   */
  run: (target: Target) => Promise<string>;
}

import type { Target } from './target.ts';

/** One lesson: what an attack tries, and what stops it. */
export interface Attack {
  name: string;
  /** the rule that it tries to break, and its source: `[rule, RFC 1234 §5]` */
  rule: string;
  /** what it tries, in a sentence */
  tries: string;
  /** the check that stops it */
  stoppedBy: string;
  /**
   * what it requires: the signing key, for tokens with exactly one fault; the administrator, to register a client; TLS;
   * forward-auth
   */
  needs?: 'signing key' | 'administrator' | 'https' | 'forward-auth';
  /**
   * @returns the answers
   * @throws {NotStopped}
   */
  run: (target: Target) => Promise<string>;
}

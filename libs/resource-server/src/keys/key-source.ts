import type { IssuerKeys } from '@lanyard/access-token';

/** The injection token of the key source. */
export const KEY_SOURCE = Symbol('key source');

/** The source of an issuer's keys. */
export interface KeySource extends IssuerKeys {
  /** whether it has keys, so that tokens can be validated */
  readonly available: boolean;
  start(): void;
  stop(): void;
}

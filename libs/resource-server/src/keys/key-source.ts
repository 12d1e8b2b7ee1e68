import type { IssuerKeys } from '@lanyard/access-token';

/** The injection token of the key source. */
export const KEY_SOURCE = Symbol('key source');

/** Where an issuer's keys come from. */
export interface KeySource extends IssuerKeys {
  /** whether there are keys, so that tokens can be validated */
  readonly available: boolean;
  start(): void;
  stop(): void;
}

import type { JWTVerifyGetKey } from 'jose';

/** Where an issuer's keys come from. */
export interface KeySource {
  /** whether there are keys, so that tokens can be validated */
  readonly available: boolean;
  /** the key for a token's header, as jose asks for it */
  readonly getKey: JWTVerifyGetKey;
  start(): void;
  stop(): void;
}

import type { JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import {
  clockToleranceOf,
  validateAccessToken,
  type AccessToken,
  type AccessTokenRequirements,
} from './access-token-validator.ts';

/** The current keys of an issuer. */
export interface IssuerKeys {
  /** the key for a token's header; throws KeysUnavailableError if the keys are unavailable */
  readonly getKey: JWTVerifyGetKey;
  /** a new object whenever a key was added or withdrawn; undefined if that is unknown: then nothing is remembered */
  readonly keySet: object | undefined;
}

export interface RememberingValidatorOptions extends AccessTokenRequirements {
  /** the maximum number of valid tokens to remember, about 2 KB each; default 1000, 0 for none */
  remembered?: number;
}

interface Remembered {
  accessToken: AccessToken;
  keySet: object;
}

/**
 * Validates access tokens as `validateAccessToken` does, and remembers the valid ones, so that a repeated token costs
 * no signature check. It checks the times of a token each time, and validates it again when the keys have changed. It
 * does not check revocation: the caller must, each time. It does not remember invalid tokens, so that an attacker
 * cannot use them to push out the valid ones.
 */
export class RememberingValidator {
  private readonly keys: IssuerKeys;
  private readonly requirements: AccessTokenRequirements;
  private readonly valid: LRUCache<string, Remembered> | undefined;

  constructor(keys: IssuerKeys, { remembered = 1000, ...requirements }: RememberingValidatorOptions) {
    this.keys = keys;
    this.requirements = requirements;
    if (remembered > 0) this.valid = new LRUCache({ max: remembered });
  }

  /**
   * @param now  for tests; default: the current time
   * @throws {InvalidTokenError}  with the reason for the log in `cause`
   */
  validate(token: string, now = new Date()): AccessToken | Promise<AccessToken> {
    const known = this.valid?.get(token);
    const isKnown = known !== undefined && known.keySet === this.keys.keySet && this.isInTime(known.accessToken, now);
    // A copy: a change made by one request must not reach the next.
    return isKnown
      ? { ...known.accessToken, scopes: new Set(known.accessToken.scopes) }
      : this.validateAnew(token, now);
  }

  private async validateAnew(token: string, now: Date): Promise<AccessToken> {
    this.valid?.delete(token);
    // Read before the validation: if the keys change meanwhile, the next request validates the token again.
    const { keySet, getKey } = this.keys;
    const accessToken = await validateAccessToken(token, getKey, this.requirements, now);
    // Without a key set, a change of keys would go unnoticed.
    if (keySet !== undefined) {
      deepFreeze(accessToken.claims);
      this.valid?.set(token, { accessToken: { ...accessToken, scopes: new Set(accessToken.scopes) }, keySet });
    }
    return accessToken;
  }

  /** Checks as jose does, RFC 7519 section 4.1.4 and 4.1.5. */
  private isInTime({ expiresAt, claims }: AccessToken, now: Date): boolean {
    const seconds = Math.floor(now.getTime() / 1000);
    const tolerance = clockToleranceOf(this.requirements);
    return expiresAt > seconds - tolerance && (claims.nbf ?? 0) <= seconds + tolerance;
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
}

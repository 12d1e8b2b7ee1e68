import type { JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import {
  clockToleranceOf,
  validateAccessToken,
  type AccessToken,
  type AccessTokenRequirements,
} from './access-token-validator.ts';

/** The keys of an issuer, as they are at the moment. */
export interface IssuerKeys {
  /** the key for a token's header; throws KeysUnavailableError where it cannot know */
  readonly getKey: JWTVerifyGetKey;
  /** another object whenever a key was added or withdrawn; undefined where that is not known: nothing is remembered */
  readonly keySet: object | undefined;
}

export interface RememberingValidatorOptions extends AccessTokenRequirements {
  /** how many valid tokens are remembered at most, about 2 KB each; default 1000, 0 for none */
  remembered?: number;
}

interface Remembered {
  accessToken: AccessToken;
  keySet: object;
}

/**
 * Validates access tokens as `validateAccessToken` does, and remembers those that were found valid, so that a token
 * which comes again costs no signature check. Its times are looked at each time, and with other keys it is validated
 * anew; whether it was revoked is the caller's to ask, each time as well. Nothing is remembered of tokens that are not
 * valid, so that nobody can push the others out with them.
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
   * @param now  for tests; default the clock
   * @throws {InvalidTokenError}  with the reason for the log in `cause`
   */
  validate(token: string, now = new Date()): AccessToken | Promise<AccessToken> {
    const known = this.valid?.get(token);
    const isKnown = known !== undefined && known.keySet === this.keys.keySet && this.isInTime(known.accessToken, now);
    // What one request makes of it is not seen by the next.
    return isKnown
      ? { ...known.accessToken, scopes: new Set(known.accessToken.scopes) }
      : this.validateAnew(token, now);
  }

  private async validateAnew(token: string, now: Date): Promise<AccessToken> {
    this.valid?.delete(token);
    // As they were before: should they change meanwhile, the token is validated once more.
    const { keySet, getKey } = this.keys;
    const accessToken = await validateAccessToken(token, getKey, this.requirements, now);
    // Where nothing is known of the keys, nothing can be remembered.
    if (keySet !== undefined) {
      deepFreeze(accessToken.claims);
      this.valid?.set(token, { accessToken: { ...accessToken, scopes: new Set(accessToken.scopes) }, keySet });
    }
    return accessToken;
  }

  /** As jose does it, RFC 7519 section 4.1.4 and 4.1.5. */
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

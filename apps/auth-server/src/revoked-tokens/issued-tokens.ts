import { Inject, Injectable } from '@nestjs/common';
import { InvalidTokenError, validateAccessToken, type AccessToken } from '@lanyard/access-token';
import { accessTokenTypes } from '@lanyard/oauth-protocol';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { AuthServerConfiguration } from '../configuration.ts';
import { serializedReload } from '../replicas/serialized-reload.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';
import { SigningKeys } from '../signing-keys/signing-keys.ts';

/** The minimum time between two readings of the keys for tokens with unknown keys, ms; shorter for revocation. */
const cooldown = { introspection: 1000, revocation: 50 };

/** Validates the access tokens that this server has issued. */
@Injectable()
export class IssuedTokens {
  private keyReading: Promise<void> | undefined;

  constructor(
    private readonly keys: SigningKeys,
    private readonly changes: RegistryChanges,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  /**
   * @returns the validated token, for any audience; undefined if it is expired, forged or not issued by this server
   * @throws if its key is not known and the database is not available
   */
  validate(token: string): Promise<AccessToken | undefined> {
    return this.validateWith(token, () => {
      this.keyReading ??= this.changes.requireCaughtUp().finally(() => {
        setTimeout(() => (this.keyReading = undefined), cooldown.introspection).unref();
      });
      return this.keyReading;
    });
  }

  /**
   * Like `validate`, but also with keys that another replica created a moment ago, since a token to revoke must not be
   * missed: keys are read again for all callers together, at most 20 times a second.
   */
  validateWithFreshKeys(token: string): Promise<AccessToken | undefined> {
    return this.validateWith(token, this.refreshKeys);
  }

  private readonly refreshKeys = serializedReload(() => this.changes.requireCaughtUp(), cooldown.revocation);

  private async validateWith(token: string, readKeys: () => Promise<void>): Promise<AccessToken | undefined> {
    const validated = await this.validateWithKnownKeys(token);
    if (validated || !this.namesUnknownKey(token)) return validated;
    await readKeys();
    return this.validateWithKnownKeys(token);
  }

  private async validateWithKnownKeys(token: string): Promise<AccessToken | undefined> {
    const audience = audienceOf(token);
    if (audience === undefined) return undefined;
    try {
      const requirements = { issuer: this.configuration.ISSUER, audience, types: accessTokenTypes };
      return await validateAccessToken(token, this.keys.getKey, requirements);
    } catch (error) {
      if (error instanceof InvalidTokenError) return undefined;
      throw error;
    }
  }

  private namesUnknownKey(token: string): boolean {
    try {
      const { kid } = decodeProtectedHeader(token);
      return !this.keys.jwks.keys.some((key) => key.kid === kid);
    } catch {
      return false;
    }
  }
}

/** A key thief can give tokens identifiers that this server does not issue, even some that no database can store. */
export const hasForeignJti = ({ claims: { jti } }: AccessToken): boolean => !/^[\w-]{1,64}$/.test(jti);

/** The audience that the token names: its issuer accepts any, unlike a resource server. */
function audienceOf(token: string): string | undefined {
  try {
    const { aud } = decodeJwt(token);
    return typeof aud === 'string' ? aud : undefined;
  } catch {
    return undefined;
  }
}

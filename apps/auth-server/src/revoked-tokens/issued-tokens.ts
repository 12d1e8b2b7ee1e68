import { Inject, Injectable } from '@nestjs/common';
import { InvalidTokenError, validateAccessToken, type AccessToken } from '@lanyard/access-token';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { AuthServerConfiguration } from '../configuration.ts';
import { serializedReload } from '../replicas/serialized-reload.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';
import { SigningKeys } from '../signing-keys/signing-keys.ts';

/** The least time between two readings of the keys that tokens with unknown keys cause, ms; shorter for revocation. */
const cooldown = { introspection: 1000, revocation: 50 };

/** Validates the access tokens that this server has issued. */
@Injectable()
export class IssuedTokens {
  private lookForKeys: Promise<void> | undefined;

  constructor(
    private readonly keys: SigningKeys,
    private readonly changes: RegistryChanges,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  /**
   * @returns what a token says, for whatever audience; undefined where it is expired, forged or none of this server's
   * @throws where its key is not known and the database is away
   */
  async validate(token: string): Promise<AccessToken | undefined> {
    const validated = await this.validateWithKnownKeys(token);
    if (validated || !this.namesUnknownKey(token)) return validated;
    this.lookForKeys ??= this.changes.requireCaughtUp().finally(() => {
      setTimeout(() => (this.lookForKeys = undefined), cooldown.introspection).unref();
    });
    await this.lookForKeys;
    return this.validateWithKnownKeys(token);
  }

  /**
   * The same, where keys that another replica made a moment ago count too, since a token that is to be revoked must not be
   * missed: keys are read again for all callers together, 20 times a second at most.
   */
  async validateWithFreshKeys(token: string): Promise<AccessToken | undefined> {
    const validated = await this.validateWithKnownKeys(token);
    if (validated || !this.namesUnknownKey(token)) return validated;
    await this.refreshKeys();
    return this.validateWithKnownKeys(token);
  }

  private readonly refreshKeys = serializedReload(() => this.changes.requireCaughtUp(), cooldown.revocation);

  private async validateWithKnownKeys(token: string): Promise<AccessToken | undefined> {
    const audience = audienceOf(token);
    if (audience === undefined) return undefined;
    try {
      const requirements = { issuer: this.configuration.ISSUER, audience };
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

/** A thief of a key can give tokens identifiers that this server does not issue, such as those no database can store. */
export const hasForeignJti = ({ claims: { jti } }: AccessToken): boolean => !/^[\w-]{1,64}$/.test(jti);

/** The one that the token names: it is its issuer who asks, not a resource server. */
function audienceOf(token: string): string | undefined {
  try {
    const { aud } = decodeJwt(token);
    return typeof aud === 'string' ? aud : undefined;
  } catch {
    return undefined;
  }
}

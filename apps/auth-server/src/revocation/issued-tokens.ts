import { Inject, Injectable } from '@nestjs/common';
import { InvalidTokenError, validateAccessToken, type AccessToken } from '@lanyard/access-token';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { AuthServerConfiguration } from '../configuration.ts';
import { RegistryChanges } from '../registry/registry-changes.ts';
import { SigningKeys } from '../signing-keys/signing-keys.ts';

/** Recognises the access tokens that this server has issued. */
@Injectable()
export class IssuedTokens {
  constructor(
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(RegistryChanges) private readonly changes: RegistryChanges,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  /** @returns what a token says, for whatever audience; undefined where it is expired, forged or none of this server's */
  async recognise(token: string): Promise<AccessToken | undefined> {
    const audience = audienceOf(token);
    if (audience === undefined) return undefined;
    try {
      return await validateAccessToken(token, this.keys.getKey, { issuer: this.configuration.ISSUER, audience });
    } catch (error) {
      if (error instanceof InvalidTokenError) return undefined;
      throw error;
    }
  }

  /** Likewise, and where the key is not known here, after a look whether it is new: what is to be revoked must not be missed. */
  async recogniseWithNewKeys(token: string): Promise<AccessToken | undefined> {
    const recognised = await this.recognise(token);
    if (recognised || !this.namesUnknownKey(token)) return recognised;
    await this.changes.requireCaughtUp();
    return this.recognise(token);
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

/** The one that the token names: it is its issuer who asks, not a resource server. */
function audienceOf(token: string): string | undefined {
  try {
    const { aud } = decodeJwt(token);
    return typeof aud === 'string' ? aud : undefined;
  } catch {
    return undefined;
  }
}

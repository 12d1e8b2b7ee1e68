import { Inject, Injectable } from '@nestjs/common';
import { InvalidTokenError, validateAccessToken, type AccessToken } from '@lanyard/access-token';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { decodeJwt } from 'jose';
import type { AuthServerConfiguration } from '../configuration.ts';
import { SigningKeys } from '../signing-keys/signing-keys.ts';

/** Recognises the access tokens that this server has issued. */
@Injectable()
export class IssuedTokens {
  constructor(
    @Inject(SigningKeys) private readonly keys: SigningKeys,
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

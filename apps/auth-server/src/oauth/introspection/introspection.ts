import { Inject, Injectable } from '@nestjs/common';
import { signJwt } from '@lanyard/access-token';
import { introspectionResponseType, type IntrospectionResponse } from '@lanyard/oauth-protocol';
import { CONFIGURATION } from '@lanyard/service-defaults';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { IssuedTokens } from '../../revoked-tokens/issued-tokens.ts';
import { RevocationState } from '../../revoked-tokens/revocation-state.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';

/** Introspects access tokens for resource servers, all from memory. */
@Injectable()
export class Introspection {
  constructor(
    private readonly tokens: IssuedTokens,
    private readonly revocations: RevocationState,
    private readonly keys: SigningKeys,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  /**
   * The response never reveals why a token is not active, RFC 7662 section 2.2.
   * @param resources  those of the resource server that calls; a token for any other is not active for it, section 4
   */
  async introspect(token: string, resources: readonly string[]): Promise<IntrospectionResponse> {
    const accessToken = await this.tokens.validate(token);
    if (!accessToken || this.revocations.isRevoked(accessToken)) return { active: false };
    const { scope = '', client_id, exp, iat, sub, aud, iss, jti } = accessToken.claims;
    if (typeof aud !== 'string' || !resources.includes(aud)) return { active: false };
    this.revocations.requireCurrent();
    return { active: true, scope, client_id, token_type: 'Bearer', exp, iat, sub, aud, iss, jti };
  }

  /** A signed response, RFC 9701 section 5. */
  sign(response: IntrospectionResponse, clientId: string): string {
    const { kid, privateKey } = this.keys.current;
    const claims = {
      iss: this.configuration.ISSUER,
      aud: clientId,
      iat: Math.floor(Date.now() / 1000),
      token_introspection: response,
    };
    return signJwt({ alg: 'ES256', typ: introspectionResponseType, kid }, claims, privateKey);
  }
}

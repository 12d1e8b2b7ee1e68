import { Inject, Injectable } from '@nestjs/common';
import { issueAccessToken, type IssuedAccessToken } from '@lanyard/access-token';
import { formatScope, OAuthError } from '@lanyard/oauth-protocol';
import { CONFIGURATION } from '@lanyard/service-defaults';
import type { AuthServerConfiguration } from '../../configuration.ts';
import type { Client } from '../../registry/client.entity.ts';
import { ProtectedResources } from '../../registry/protected-resources.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';
import type { TokenRequest } from './token-request.ts';

/** The client credentials grant, RFC 6749 section 4.4. */
@Injectable()
export class ClientCredentialsGrant {
  constructor(
    private readonly resources: ProtectedResources,
    private readonly keys: SigningKeys,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  /**
   * @param grantId  shared by all tokens that may have to be revoked together
   * @throws {OAuthError}
   */
  issue(client: Client, grantId: string, request: TokenRequest): IssuedAccessToken {
    if (!client.grantTypes.includes('client_credentials')) {
      throw new OAuthError('unauthorized_client', 'the client may not use this grant type');
    }
    const { scope, audience } = this.grantedScope(client, request);
    const { lifetime, typ } = this.resources.accessTokensFor(audience);
    return issueAccessToken(this.configuration.ISSUER, this.keys.current, {
      clientId: client.clientId,
      audience,
      scope: formatScope(scope),
      grantId,
      lifetime: Math.min(
        this.configuration.ACCESS_TOKEN_LIFETIME,
        client.accessTokenLifetime ?? Number.POSITIVE_INFINITY,
        lifetime,
      ),
      typ,
    });
  }

  /**
   * The requested scope, or the client's default scope, all of one protected resource: its identifier becomes the
   * audience. Scope values of several resources are refused, RFC 9068 section 3.
   */
  private grantedScope(client: Client, { scope, resource }: TokenRequest): { scope: string[]; audience: string } {
    const resourceOf = (value: string) => this.resources.resourceOf(value);
    if (resource !== undefined && !client.scope.some((value) => resourceOf(value) === resource)) {
      throw new OAuthError('invalid_target', 'the resource is unknown, or not for this client');
    }
    const granted = scope
      ? [...scope]
      : client.defaultScope.filter((value) => resource === undefined || resourceOf(value) === resource);
    if (granted.length === 0) {
      throw new OAuthError('invalid_scope', 'no scope was requested, and the client has no default scope here');
    }
    const allowed = new Set(client.scope);
    if (!granted.every((value) => allowed.has(value) && resourceOf(value) !== undefined)) {
      throw new OAuthError('invalid_scope', 'the scope is unknown, or wider than the client may have');
    }
    const audiences = new Set(granted.map(resourceOf));
    const [audience] = audiences;
    if (audience === undefined || audiences.size > 1) {
      if (!scope) {
        throw new OAuthError('invalid_target', 'the client has default scopes for several resources: send resource');
      }
      throw new OAuthError('invalid_scope', 'the scope spans several resources: request one token for each');
    }
    if (resource !== undefined && audience !== resource) {
      throw new OAuthError('invalid_scope', 'the scope does not belong to the resource');
    }
    return { scope: granted, audience };
  }
}

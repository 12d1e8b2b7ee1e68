import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Public } from '@lanyard/resource-server/access';
import type { AuthorizationServerMetadata } from '@lanyard/oauth-protocol';
import { CONFIGURATION } from '@lanyard/service-defaults';
import type { AuthServerConfiguration } from '../configuration.ts';
import { ProtectedResources } from '../registry/protected-resources.ts';

const authenticationMethods = ['client_secret_basic', 'client_secret_post'];

/** Authorization server metadata, RFC 8414. */
@Controller('.well-known/oauth-authorization-server')
@Public()
export class MetadataController {
  constructor(
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    @Inject(ProtectedResources) private readonly resources: ProtectedResources,
  ) {}

  @Get()
  @Header('cache-control', 'public, max-age=300')
  metadata(): AuthorizationServerMetadata {
    const issuer = this.configuration.ISSUER;
    return {
      issuer,
      token_endpoint: `${issuer}/oauth/token`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      scopes_supported: this.resources.scopeValues,
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: authenticationMethods,
      revocation_endpoint: `${issuer}/oauth/revoke`,
      revocation_endpoint_auth_methods_supported: authenticationMethods,
      introspection_endpoint: `${issuer}/oauth/introspect`,
      introspection_endpoint_auth_methods_supported: authenticationMethods,
      introspection_signing_alg_values_supported: ['ES256'],
      revocations_uri: `${issuer}/oauth/revocations`,
    };
  }
}

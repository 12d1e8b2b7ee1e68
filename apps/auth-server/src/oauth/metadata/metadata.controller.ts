import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Public } from '@lanyard/resource-server/access';
import {
  authorizationServerMetadataPath,
  openIdConfigurationPath,
  type AuthorizationServerMetadata,
} from '@lanyard/oauth-protocol';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { staleIfError } from './stale-if-error.ts';
import { ProtectedResources } from '../../registry/protected-resources.ts';

/** With more scope values, all are left out, RFC 8414 section 2: anonymous callers would get megabytes. */
const maxScopeValues = 1000;

const authenticationMethods = ['client_secret_basic', 'client_secret_post'];

/**
 * Authorization server metadata, RFC 8414; the same document where OpenID Connect Discovery 1.0 has it, for clients that
 * look only there (docs/decisions/0022).
 */
@Controller()
@Public()
export class MetadataController {
  private cached?: { resources: object; text: string };

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    private readonly resources: ProtectedResources,
  ) {}

  @Get([authorizationServerMetadataPath, openIdConfigurationPath])
  @ApiTags('metadata')
  @ApiOperation({ summary: 'Read the authorization server metadata, RFC 8414' })
  @ApiResponse({ status: 200, content: { 'application/json': { schema: { type: 'object' } } } })
  @Header('cache-control', `public, max-age=300, ${staleIfError}`)
  @Header('content-type', 'application/json; charset=utf-8')
  metadata(): string {
    const { all: resources } = this.resources;
    // Serialized again only when a resource has changed.
    if (this.cached?.resources !== resources) this.cached = { resources, text: JSON.stringify(this.describe()) };
    return this.cached.text;
  }

  private describe(): AuthorizationServerMetadata {
    const issuer = this.configuration.ISSUER;
    const { scopeValues } = this.resources;
    return {
      issuer,
      // It answers 400: some clients refuse metadata without it.
      authorization_endpoint: `${issuer}/oauth/authorize`,
      token_endpoint: `${issuer}/oauth/token`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      ...(scopeValues.length <= maxScopeValues && { scopes_supported: scopeValues }),
      response_types_supported: [],
      // There are no ID tokens: validators take the algorithms of access tokens from here.
      id_token_signing_alg_values_supported: ['ES256'],
      subject_types_supported: ['public'],
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

/** Authorization server metadata, RFC 8414 section 2: the members that this project publishes or reads. */
export interface AuthorizationServerMetadata {
  issuer: string;
  authorization_endpoint?: string;
  token_endpoint: string;
  jwks_uri: string;
  scopes_supported?: string[];
  response_types_supported: string[];
  grant_types_supported: string[];
  token_endpoint_auth_methods_supported: string[];
  revocation_endpoint?: string;
  revocation_endpoint_auth_methods_supported?: string[];
  introspection_endpoint?: string;
  introspection_endpoint_auth_methods_supported?: string[];
  /** RFC 9701 section 7 */
  introspection_signing_alg_values_supported?: string[];
  /** OpenID Connect Discovery 1.0 section 3 */
  subject_types_supported?: string[];
  id_token_signing_alg_values_supported?: string[];
  /** where resource servers fetch the revocation lists; a member of this project */
  revocations_uri?: string;
  service_documentation?: string;
}

/** Protected resource metadata, RFC 9728 section 2. */
export interface ProtectedResourceMetadata {
  resource: string;
  authorization_servers: string[];
  scopes_supported?: string[];
  bearer_methods_supported: string[];
  resource_name?: string;
  resource_documentation?: string;
}

export const authorizationServerMetadataPath = '/.well-known/oauth-authorization-server';
export const openIdConfigurationPath = '/.well-known/openid-configuration';
export const protectedResourceMetadataPath = '/.well-known/oauth-protected-resource';

/**
 * Where an issuer publishes its metadata, RFC 8414 section 3.1: the well-known path goes between host and path, and a
 * slash at the end of the path is removed.
 */
export function authorizationServerMetadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return origin + authorizationServerMetadataPath + pathname.replace(/\/$/, '');
}

/** Where a protected resource publishes its metadata, RFC 9728 section 3.1: path and query are kept unchanged. */
export function protectedResourceMetadataUrl(resource: string): string {
  const { origin, pathname, search } = new URL(resource);
  return origin + protectedResourceMetadataPath + (pathname === '/' ? '' : pathname) + search;
}

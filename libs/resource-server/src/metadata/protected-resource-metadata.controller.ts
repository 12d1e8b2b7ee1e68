import { Controller, Get, Header, Headers, Inject, NotFoundException, Param } from '@nestjs/common';
import type { ProtectedResourceMetadata } from '@lanyard/oauth-protocol';
import { AccessRules } from '../access/access-rules.ts';
import { Public } from '../access/access-rule.ts';
import { RESOURCE_SERVER_OPTIONS, type ResourceServerOptions } from '../options.ts';

/** Caches may serve it through an outage, RFC 5861 section 4. */
const cacheControl = 'public, max-age=300, stale-if-error=3600';

/** Protected resource metadata, RFC 9728 section 3: the path of the resource, if any, follows the well-known path. */
@Controller('.well-known/oauth-protected-resource')
@Public()
export class ProtectedResourceMetadataController {
  constructor(
    @Inject(RESOURCE_SERVER_OPTIONS) private readonly options: ResourceServerOptions,
    private readonly rules: AccessRules,
  ) {}

  @Get()
  @Header('cache-control', cacheControl)
  root(@Headers('host') host?: string): ProtectedResourceMetadata {
    return this.metadataAt('/', host);
  }

  @Get('*')
  @Header('cache-control', cacheControl)
  below(@Param('*') path: string, @Headers('host') host?: string): ProtectedResourceMetadata {
    return this.metadataAt(`/${path}`, host);
  }

  /** @param host  distinguishes resources with the same path */
  private metadataAt(path: string, host: string | undefined): ProtectedResourceMetadata {
    const { resource: main, otherResources = [], issuer, resourceName } = this.options;
    const there = [main, ...otherResources].filter((identifier) => new URL(identifier).pathname === path);
    const [resource] = there.length > 1 ? there.filter((identifier) => isHostOf(identifier, host)) : there;
    if (resource === undefined) throw new NotFoundException();
    return {
      resource,
      authorization_servers: [issuer],
      scopes_supported: this.rules.scopes((named = main) => named === resource),
      bearer_methods_supported: ['header'],
      ...(resourceName && resource === main && { resource_name: resourceName }),
    };
  }
}

/** In any case, and with or without the default port. */
function isHostOf(identifier: string, host = ''): boolean {
  const { protocol, host: own } = new URL(identifier);
  return URL.parse(`${protocol}//${host}`)?.host === own;
}

import { Controller, Get, Header, Inject, NotFoundException, Param } from '@nestjs/common';
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
  root(): ProtectedResourceMetadata {
    return this.metadataAt('/');
  }

  @Get('*')
  @Header('cache-control', cacheControl)
  below(@Param('*') path: string): ProtectedResourceMetadata {
    return this.metadataAt(`/${path}`);
  }

  private metadataAt(path: string): ProtectedResourceMetadata {
    const { resource, issuer, resourceName } = this.options;
    if (new URL(resource).pathname !== path) throw new NotFoundException();
    return {
      resource,
      authorization_servers: [issuer],
      scopes_supported: this.rules.scopes(),
      bearer_methods_supported: ['header'],
      ...(resourceName && { resource_name: resourceName }),
    };
  }
}

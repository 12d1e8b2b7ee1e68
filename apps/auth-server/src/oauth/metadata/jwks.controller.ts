import { Controller, Get, Headers, HttpStatus, Res } from '@nestjs/common';
import { Public } from '@lanyard/resource-server/access';
import { network } from '@lanyard/service-defaults';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { JSONWebKeySet } from 'jose';
import { waitPreferredBy } from '../../replicas/waiting-requests.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';
import { staleIfError } from './stale-if-error.ts';

/**
 * The JWK Set, RFC 7517 section 5. A validator that has it already (`If-None-Match`) may wait until it changes, with
 * `Prefer: wait=SECONDS` (RFC 7240 section 4.3), so that it drops a withdrawn key at once.
 */
@Public()
@Controller('.well-known/jwks.json')
export class JwksController {
  constructor(private readonly keys: SigningKeys) {}

  @Get()
  @ApiTags('metadata')
  @ApiOperation({ summary: 'Read the public keys that validate access tokens, RFC 7517 section 5' })
  @ApiResponse({ status: 200, content: { 'application/json': { schema: { type: 'object' } } } })
  @ApiResponse({ status: 304, description: 'the keys are still those of If-None-Match' })
  async jwks(
    @Headers('if-none-match') known: string | undefined,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JSONWebKeySet | undefined> {
    const seconds = waitPreferredBy(prefer);
    if (known === this.keys.etag) await this.keys.waiting.wait(seconds, network(reply.request.ip), reply);
    const maxAge = Math.min(300, Math.floor(this.keys.periods.announcement / 2));
    // No cache may keep a response to a request that waits.
    void reply.header('cache-control', seconds > 0 ? 'no-store' : `public, max-age=${maxAge}, ${staleIfError}`);
    void reply.header('vary', 'prefer').header('etag', this.keys.etag);
    if (known !== this.keys.etag) return this.keys.jwks;
    void reply.status(HttpStatus.NOT_MODIFIED);
    return undefined;
  }
}

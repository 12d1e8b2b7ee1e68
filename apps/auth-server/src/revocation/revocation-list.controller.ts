import { Controller, Get, Headers, HttpStatus, Inject, Query, Res, UseGuards } from '@nestjs/common';
import { OAuthError, revocationListType } from '@lanyard/oauth-protocol';
import { Public } from '@lanyard/resource-server/access';
import type { FastifyReply } from 'fastify';
import {
  AuthenticatedClient,
  ClientAuthenticationGuard,
} from '../client-authentication/client-authentication.guard.ts';
import { waitPreferredBy } from '../long-poll/waiting-requests.ts';
import { Client } from '../registry/client.entity.ts';
import { requireResourceServer } from './require-resource-server.ts';
import { Revocations } from './revocations.ts';

/**
 * The list of what is revoked, for resource servers: a signed JWT of its own type. With `cursor`, what came after it;
 * with `If-None-Match` and `Prefer: wait=SECONDS` (RFC 7240 section 4.3), as soon as there is something new.
 */
@Public()
@Controller('oauth/revocations')
export class RevocationListController {
  constructor(@Inject(Revocations) private readonly revocations: Revocations) {}

  @Get()
  @UseGuards(ClientAuthenticationGuard)
  async list(
    @AuthenticatedClient() client: Client,
    @Query('cursor') cursor: unknown,
    @Headers('if-none-match') known: string | undefined,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string | undefined> {
    requireResourceServer(client);
    const since = parseCursor(cursor);
    // Whoever has heard more from another replica.
    if (since !== undefined && since > this.revocations.cursor) await this.revocations.load();
    const isKnown = () => known === entityTag(this.revocations.cursor);
    if ((await this.revocations.isCurrent()) && isKnown())
      await this.revocations.waiting.wait(waitPreferredBy(prefer), reply);
    if (!(await this.revocations.isCurrent())) return this.stale(since, reply);
    void reply.header('etag', entityTag(this.revocations.cursor));
    if (isKnown()) {
      void reply.status(HttpStatus.NOT_MODIFIED);
      return undefined;
    }
    void reply.type(`application/${revocationListType}`);
    // A cursor beyond the end is of another list, such as one from before a backup was restored.
    return this.revocations.list(since !== undefined && since <= this.revocations.cursor ? since : undefined);
  }

  /** Whoever knows nothing yet is told what is known here; all others may find another replica that knows more. */
  private stale(since: number | undefined, reply: FastifyReply): string {
    if (since !== undefined) {
      throw new OAuthError('temporarily_unavailable', 'it is not known here at the moment what was revoked');
    }
    void reply.type(`application/${revocationListType}`);
    return this.revocations.list(undefined, true);
  }
}

/** Weak, since entries that have ended leave the list without notice, RFC 9110 section 8.8.1. */
const entityTag = (cursor: number) => `W/"${cursor}"`;

function parseCursor(cursor: unknown): number | undefined {
  if (cursor === undefined) return undefined;
  if (typeof cursor === 'string' && /^\d{1,16}$/.test(cursor)) return Number(cursor);
  throw new OAuthError('invalid_request', 'cursor must be that of a list');
}

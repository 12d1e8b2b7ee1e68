import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { OAuthError, revocationListType } from '@lanyard/oauth-protocol';
import { ApiHeader, ApiOperation, ApiQuery, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Authenticated } from '../client-authentication/client-authentication.ts';
import { AuthenticatedClient } from '../client-authentication/client-authentication.guard.ts';
import { ClientEndpoint } from '../client-endpoint.decorator.ts';
import { waitPreferredBy } from '../../replicas/waiting-requests.ts';
import { QuotaGuard } from '../quota.guard.ts';
import { requireResourceServer } from '../require-resource-server.ts';
import { RevocationState } from '../../revoked-tokens/revocation-state.ts';

/**
 * The revocation list, for resource servers: a signed JWT of its own type, split into parts if it is long. With
 * `cursor`, it has only the entries after it; with `Prefer: wait=SECONDS` (RFC 7240 section 4.3), the response waits
 * for new entries. If none arrive in time, the response is a signed list without entries.
 */
@Controller()
export class RevocationListController {
  constructor(private readonly revocations: RevocationState) {}

  @ClientEndpoint(Get('oauth/revocations'), QuotaGuard('revocationLists'))
  @ApiOperation({ summary: 'Follow revocations as a resource server: a signed list, split into parts if it is long' })
  @ApiQuery({
    name: 'cursor',
    required: false,
    description: 'the cursor of the last list: the response has only later entries',
  })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: 'wait=SECONDS: the response arrives as soon as there are new entries',
  })
  @ApiResponse({ status: 200, content: { [`application/${revocationListType}`]: { schema: { type: 'string' } } } })
  async list(
    @AuthenticatedClient() { client }: Authenticated,
    @Query('cursor') cursor: unknown,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    requireResourceServer(client);
    const after = parseCursor(cursor);
    const { revocations } = this;
    // Another replica may have given the cursor, after reading more revocations than this one.
    if (after !== undefined && after > revocations.cursor) await revocations.catchUp();
    if ((await revocations.isCurrent()) && after === revocations.cursor) {
      await revocations.waiting.wait(waitPreferredBy(prefer), client.clientId, reply);
    }
    const isCurrent = await revocations.isCurrent();
    // Without the database, another replica may know more than this one.
    if (!isCurrent && after !== undefined && after >= revocations.cursor) {
      throw new OAuthError('temporarily_unavailable', 'the current revocations are not known at the moment');
    }
    void reply.type(`application/${revocationListType}`);
    // A cursor after the end belongs to another list, for example to one from before a backup was restored.
    return revocations.list(after !== undefined && after > revocations.cursor ? undefined : after, !isCurrent);
  }
}

function parseCursor(cursor: unknown): number | undefined {
  if (cursor === undefined) return undefined;
  if (typeof cursor === 'string' && /^\d{1,16}$/.test(cursor)) return Number(cursor);
  throw new OAuthError('invalid_request', 'cursor must be the cursor of a revocation list');
}

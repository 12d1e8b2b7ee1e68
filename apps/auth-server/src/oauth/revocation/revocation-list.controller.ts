import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { OAuthError, revocationListType } from '@lanyard/oauth-protocol';
import { ApiHeader, ApiOperation, ApiQuery, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Authenticated } from '../client-authentication/client-authentication.ts';
import { AuthenticatedClient } from '../client-authentication/client-authentication.guard.ts';
import { ClientEndpoint } from '../client-endpoint.decorator.ts';
import { waitPreferredBy } from '../../replicas/waiting-requests.ts';
import { QuotaGuard } from '../quota.guard.ts';
import { requireResourceServer } from './require-resource-server.ts';
import { RevocationState } from '../../revoked-tokens/revocation-state.ts';

/**
 * The list of what is revoked, for resource servers: a signed JWT of its own type, in parts where it is long. With
 * `cursor`, what came after it; with `Prefer: wait=SECONDS` (RFC 7240 section 4.3) as soon as there is something new.
 * That there is nothing new is signed as well, as a list without entries.
 */
@Controller()
export class RevocationListController {
  constructor(private readonly revocations: RevocationState) {}

  @ClientEndpoint(Get('oauth/revocations'), QuotaGuard('revocationLists'))
  @ApiOperation({ summary: 'Follow what is revoked, as a resource server: a signed list, in parts where it is long' })
  @ApiQuery({ name: 'cursor', required: false, description: 'that of the last list: then what came after it' })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: 'wait=SECONDS: answered as soon as there is something new',
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
    // Another replica knows more.
    if (after !== undefined && after > revocations.cursor) await revocations.catchUp();
    if ((await revocations.isCurrent()) && after === revocations.cursor) {
      await revocations.waiting.wait(waitPreferredBy(prefer), client.clientId, reply);
    }
    const isCurrent = await revocations.isCurrent();
    // Another replica may know more than what is known here without the database.
    if (!isCurrent && after !== undefined && after >= revocations.cursor) {
      throw new OAuthError('temporarily_unavailable', 'it is not known here at the moment what was revoked');
    }
    void reply.type(`application/${revocationListType}`);
    // A cursor beyond the end is of another list, such as one from before a backup was restored.
    return revocations.list(after !== undefined && after > revocations.cursor ? undefined : after, !isCurrent);
  }
}

function parseCursor(cursor: unknown): number | undefined {
  if (cursor === undefined) return undefined;
  if (typeof cursor === 'string' && /^\d{1,16}$/.test(cursor)) return Number(cursor);
  throw new OAuthError('invalid_request', 'cursor must be that of a list');
}

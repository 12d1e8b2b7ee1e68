import { Body, Controller, Get, HttpCode, HttpStatus, Inject, Post, Query } from '@nestjs/common';
import {
  clientIdSchema,
  newRevocationSchema,
  revocationPageSchema,
  type NewRevocation,
  type RevocationPage,
} from '@lanyard/administration';
import { revocationKinds } from '@lanyard/oauth-protocol';
import { RequireScopes } from '@lanyard/resource-server';
import { nextPage } from '@lanyard/service-defaults';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentAdministrator, type Administrator } from '../origin.ts';
import { Emergency } from '../work-at-a-time.ts';
import { TokenRevocations } from './token-revocations.ts';

export const revocationQuerySchema = z.strictObject({
  client_id: clientIdSchema.optional().describe('of tokens of this client'),
  kind: z.enum(revocationKinds).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('the last sequence of the page before'),
});
export type RevocationQuery = z.infer<typeof revocationQuerySchema>;

@ApiTags('revocations')
@Controller('admin/revocations')
export class RevocationsController {
  constructor(@Inject(TokenRevocations) private readonly revocations: TokenRevocations) {}

  @Post()
  @HttpCode(HttpStatus.NO_CONTENT)
  @RequireScopes('tokens:revoke')
  @Emergency()
  @ApiOperation({
    summary:
      'Revoke one access token, all of a client, or all that one of its secrets obtained; of a client with administrative scopes, only with these',
  })
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 404, description: 'there is no such client or secret' })
  async revoke(
    @Body({ schema: newRevocationSchema }) body: NewRevocation,
    @CurrentAdministrator() administrator: Administrator,
  ): Promise<void> {
    await this.revocations.revoke(administrator, body);
  }

  @Get()
  @RequireScopes('tokens:revoke')
  @ApiOperation({ summary: 'List what is revoked at the moment, oldest first' })
  @ApiResponse({ status: 200, standardSchema: revocationPageSchema })
  async list(@Query({ schema: revocationQuerySchema }) query: RevocationQuery): Promise<RevocationPage> {
    const items = await this.revocations.list(query);
    return { items, next: nextPage('/admin/revocations', query, items.length, items.at(-1)?.sequence) };
  }
}

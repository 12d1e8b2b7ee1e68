import { Body, Controller, Get, HttpCode, HttpStatus, Post, Query } from '@nestjs/common';
import {
  newRevocationSchema,
  revocationPageSchema,
  type NewRevocation,
  type RevocationPage,
} from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { nextPage } from '@lanyard/service-defaults';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { CurrentAdministrator, type Administrator } from '../current-administrator.ts';
import { Emergency } from '../work-at-a-time.ts';
import { revocationQuerySchema, type RevocationQuery } from './revocation.query.ts';
import { RevocationAdministration } from './revocation-administration.ts';

@ApiTags('revocations')
@Controller('admin/revocations')
export class RevocationsController {
  constructor(private readonly revocations: RevocationAdministration) {}

  @Post()
  @HttpCode(HttpStatus.NO_CONTENT)
  @RequireScopes('tokens:revoke')
  @Emergency()
  @ApiOperation({
    summary:
      'Revoke one access token, all tokens of a client, or all tokens obtained with one of its secrets; for a client with administrative scopes, the token needs them too',
  })
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 404, description: 'the client or secret does not exist' })
  async revoke(
    @Body({ schema: newRevocationSchema }) body: NewRevocation,
    @CurrentAdministrator() administrator: Administrator,
  ): Promise<void> {
    await this.revocations.revoke(administrator, body);
  }

  @Get()
  @RequireScopes('tokens:revoke')
  @ApiOperation({ summary: 'List the current revocations, oldest first' })
  @ApiResponse({ status: 200, standardSchema: revocationPageSchema })
  async list(@Query({ schema: revocationQuerySchema }) query: RevocationQuery): Promise<RevocationPage> {
    const items = await this.revocations.list(query);
    return { items, next: nextPage('/admin/revocations', query, items.length, items.at(-1)?.sequence) };
  }
}

import { Body, Controller, Delete, Get, Headers, HttpCode, HttpStatus, Param, Post, Res } from '@nestjs/common';
import {
  clientIdSchema,
  createdSecretSchema,
  newSecretSchema,
  secretListSchema,
  secretSchema,
  type NewSecret,
} from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { idempotencyHeader } from '../openapi.ts';
import { CurrentAdministrator, type Administrator } from '../current-administrator.ts';
import { Emergency, LookUp } from '../work-at-a-time.ts';
import { Secrets } from './secrets.ts';

@ApiTags('secrets')
@Controller('admin/clients/:client_id/secrets')
export class SecretsController {
  constructor(private readonly secrets: Secrets) {}

  @Get()
  @RequireScopes('clients:read')
  @LookUp()
  @ApiOperation({ summary: 'List the secrets of a client, and which of them are safe to remove' })
  @ApiResponse({ status: 200, standardSchema: secretListSchema })
  async list(@Param('client_id', { schema: clientIdSchema }) clientId: string) {
    return { items: await this.secrets.list(clientId) };
  }

  @Post()
  @RequireScopes('clients:write')
  @ApiOperation({
    summary: 'Add a secret, which is shown only in this response; with `overlap`, the other secrets expire',
  })
  @ApiHeader(idempotencyHeader)
  @ApiResponse({ status: 201, standardSchema: createdSecretSchema })
  @ApiResponse({ status: 409, description: 'the client has this secret, had it before, or has too many' })
  async add(
    @Param('client_id', { schema: clientIdSchema }) clientId: string,
    @Body({ schema: newSecretSchema }) body: NewSecret,
    @Headers('idempotency-key') key: string | undefined,
    @CurrentAdministrator() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { answer, repeated } = await this.secrets.add(administrator, clientId, body, key);
    void reply.header('location', `/admin/clients/${encodeURIComponent(clientId)}/secrets/${answer.secret_id}`);
    if (repeated) void reply.header('idempotency-replayed', 'true');
    return answer;
  }

  @Delete(':secret_id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RequireScopes('clients:write')
  @Emergency()
  @ApiOperation({
    summary: 'Remove a secret: it is refused from now on, and the access tokens obtained with it are revoked',
  })
  @ApiResponse({ status: 204 })
  async remove(
    @Param('client_id', { schema: clientIdSchema }) clientId: string,
    @Param('secret_id', { schema: secretSchema.shape.secret_id }) secretId: string,
    @CurrentAdministrator() administrator: Administrator,
  ): Promise<void> {
    await this.secrets.remove(administrator, clientId, secretId);
  }
}

import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  HttpStatus,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import {
  clientChangeSchema,
  clientIdSchema,
  clientPageSchema,
  clientSchema,
  createdClientSchema,
  registeredClientSchema,
  type ClientChange,
  type ClientDescription,
  type ClientPage,
  type RegisteredClient,
} from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { nextPage } from '@lanyard/service-defaults';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { entityTagOf } from '../entity-tag.ts';
import { idempotencyHeader, ifMatchHeader } from '../openapi.ts';
import { CurrentAdministrator, type Administrator } from '../current-administrator.ts';
import { Emergency, LookUp } from '../work-at-a-time.ts';
import { clientQuerySchema, type ClientQuery } from './client.query.ts';
import { Clients } from './clients.ts';

@ApiTags('clients')
@Controller('admin/clients')
export class ClientsController {
  constructor(private readonly clients: Clients) {}

  @Post()
  @RequireScopes('clients:write')
  @ApiOperation({ summary: 'Register a client, with a first secret that is shown only in this response' })
  @ApiHeader(idempotencyHeader)
  @ApiResponse({ status: 201, standardSchema: createdClientSchema })
  @ApiResponse({ status: 409, description: 'the client_id is taken' })
  async create(
    @Body({ schema: clientSchema }) body: ClientDescription,
    @Headers('idempotency-key') key: string | undefined,
    @CurrentAdministrator() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { answer, repeated } = await this.clients.create(administrator, body, key);
    void reply.header('location', `/admin/clients/${encodeURIComponent(body.client_id)}`);
    if (repeated) void reply.header('idempotency-replayed', 'true');
    return answer;
  }

  @Get()
  @RequireScopes('clients:read')
  @ApiOperation({ summary: 'List or search clients, sorted by client_id' })
  @ApiResponse({ status: 200, standardSchema: clientPageSchema })
  async list(@Query({ schema: clientQuerySchema }) query: ClientQuery): Promise<ClientPage> {
    const items = await this.clients.list(query);
    return { items, next: nextPage('/admin/clients', query, items.length, items.at(-1)?.client_id) };
  }

  @Get(':client_id')
  @RequireScopes('clients:read')
  @LookUp()
  @ApiOperation({ summary: 'Read a client' })
  @ApiResponse({ status: 200, standardSchema: registeredClientSchema })
  async read(
    @Param('client_id', { schema: clientIdSchema }) clientId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return tagged(reply, await this.clients.read(clientId));
  }

  @Patch(':client_id')
  @RequireScopes('clients:write')
  @ApiOperation({
    summary:
      'Change fields of a client; omitted fields keep their values. Losing an administrative scope revokes its access tokens',
  })
  @ApiHeader(ifMatchHeader)
  @ApiResponse({ status: 200, standardSchema: registeredClientSchema })
  async change(
    @Param('client_id', { schema: clientIdSchema }) clientId: string,
    @Body({ schema: clientChangeSchema }) body: ClientChange,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentAdministrator() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return tagged(reply, await this.clients.change(administrator, clientId, body, ifMatch));
  }

  @Post(':client_id/disable')
  @HttpCode(HttpStatus.OK)
  @RequireScopes('clients:write')
  @Emergency()
  @ApiOperation({ summary: 'Refuse a client until it is enabled again' })
  @ApiHeader(ifMatchHeader)
  @ApiResponse({ status: 200, standardSchema: registeredClientSchema })
  @ApiResponse({ status: 409, description: 'it is your own client' })
  async disable(
    @Param('client_id', { schema: clientIdSchema }) clientId: string,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentAdministrator() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return tagged(reply, await this.clients.setDisabled(administrator, clientId, true, ifMatch));
  }

  @Post(':client_id/enable')
  @HttpCode(HttpStatus.OK)
  @RequireScopes('clients:write')
  @ApiOperation({ summary: 'Accept a disabled client again' })
  @ApiHeader(ifMatchHeader)
  @ApiResponse({ status: 200, standardSchema: registeredClientSchema })
  async enable(
    @Param('client_id', { schema: clientIdSchema }) clientId: string,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentAdministrator() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return tagged(reply, await this.clients.setDisabled(administrator, clientId, false, ifMatch));
  }

  @Delete(':client_id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RequireScopes('clients:write')
  @Emergency()
  @ApiOperation({ summary: 'Delete a client and its secrets' })
  @ApiHeader(ifMatchHeader)
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 409, description: 'it is your own client' })
  async delete(
    @Param('client_id', { schema: clientIdSchema }) clientId: string,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentAdministrator() administrator: Administrator,
  ): Promise<void> {
    await this.clients.delete(administrator, clientId, ifMatch);
  }
}

function tagged(reply: FastifyReply, client: RegisteredClient): RegisteredClient {
  void reply.header('etag', entityTagOf(client));
  return client;
}

import { Body, Controller, Delete, Get, Headers, HttpCode, HttpStatus, Param, Put, Res } from '@nestjs/common';
import {
  resourceDescriptionSchema,
  resourceIdentifierSchema,
  resourceListSchema,
  resourceSchema,
  type Resource,
  type ResourceDescription,
} from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { entityTagOf } from '../entity-tag.ts';
import { ifMatchHeader } from '../openapi.ts';
import { CurrentAdministrator, type Administrator } from '../current-administrator.ts';
import { Resources } from './resources.ts';

@ApiTags('resources')
@Controller('admin/resources')
export class ResourcesController {
  constructor(private readonly resources: Resources) {}

  @Get()
  @RequireScopes('clients:read')
  @ApiOperation({ summary: 'List the protected resources and their scopes' })
  @ApiResponse({ status: 200, standardSchema: resourceListSchema })
  async list() {
    return { items: await this.resources.list() };
  }

  @Get(':identifier')
  @RequireScopes('clients:read')
  @ApiOperation({ summary: 'Read a protected resource; its identifier is percent-encoded in the path' })
  @ApiResponse({ status: 200, standardSchema: resourceSchema })
  async read(
    @Param('identifier', { schema: resourceIdentifierSchema }) identifier: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Resource> {
    const resource = await this.resources.read(identifier);
    void reply.header('etag', entityTagOf(resource));
    return resource;
  }

  @Put(':identifier')
  @RequireScopes('clients:write')
  @ApiOperation({ summary: 'Register a protected resource, or change it' })
  @ApiHeader(ifMatchHeader)
  @ApiResponse({ status: 200, standardSchema: resourceSchema })
  @ApiResponse({ status: 201, standardSchema: resourceSchema })
  @ApiResponse({ status: 409, description: 'a client has a scope that would be deleted' })
  async put(
    @Param('identifier', { schema: resourceIdentifierSchema }) identifier: string,
    @Body({ schema: resourceDescriptionSchema }) body: ResourceDescription,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentAdministrator() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Resource> {
    const { resource, created } = await this.resources.put(administrator, identifier, body, ifMatch);
    void reply.status(created ? HttpStatus.CREATED : HttpStatus.OK).header('etag', entityTagOf(resource));
    return resource;
  }

  @Delete(':identifier')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RequireScopes('clients:write')
  @ApiOperation({ summary: 'Delete a protected resource whose scopes no client has' })
  @ApiHeader(ifMatchHeader)
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 409, description: 'a client has one of its scopes, or is its resource server' })
  async delete(
    @Param('identifier', { schema: resourceIdentifierSchema }) identifier: string,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentAdministrator() administrator: Administrator,
  ): Promise<void> {
    await this.resources.delete(administrator, identifier, ifMatch);
  }
}

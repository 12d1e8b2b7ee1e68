import { Readable } from 'node:stream';
import { Body, Controller, Get, Header, Inject, Param, Post, StreamableFile } from '@nestjs/common';
import { CurrentAccessToken, RequireScopes, type AccessToken } from '@lanyard/resource-server';
import { problemException } from '@lanyard/service-defaults';
import { ApiBearerAuth, ApiBody, ApiConsumes, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Files, type StoredFile } from './files.ts';

const fileSchema = z.object({ id: z.string().describe('SHA-256 of the content'), size: z.int().describe('bytes') });
const fileIdSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of a file');

@ApiTags('files')
@ApiBearerAuth()
@Controller('files')
export class FilesController {
  constructor(@Inject(Files) private readonly files: Files) {}

  @Post()
  @RequireScopes('jobs:write')
  @ApiOperation({ summary: 'Upload a file, streamed; the same content is stored once' })
  @ApiConsumes('text/csv')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiResponse({ status: 201, standardSchema: fileSchema })
  async upload(@Body() body: unknown, @CurrentAccessToken() token: AccessToken): Promise<StoredFile> {
    if (!(body instanceof Readable)) throw problemException(415, 'not-csv', 'The body must be text/csv');
    return this.files.store(body, token.clientId);
  }

  @Get(':id')
  @RequireScopes('jobs:read')
  @Header('content-type', 'text/csv')
  @ApiOperation({ summary: 'Download a file, streamed' })
  @ApiProduces('text/csv')
  @ApiResponse({ status: 200, content: { 'text/csv': { schema: { type: 'string', format: 'binary' } } } })
  async download(@Param('id', { schema: fileIdSchema }) id: string): Promise<StreamableFile> {
    const { size, content } = await this.files.open(id);
    return new StreamableFile(Readable.from(content), { type: 'text/csv', length: size });
  }
}

import { Readable } from 'node:stream';
import { MIMEType } from 'node:util';
import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  Headers,
  HttpCode,
  HttpStatus,
  Param,
  Post,
  Query,
  StreamableFile,
} from '@nestjs/common';
import { CurrentAccessToken, RequireScopes, type AccessToken } from '@lanyard/resource-server';
import { nextPage, problemException } from '@lanyard/service-defaults';
import { ApiBody, ApiConsumes, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  fileIdSchema,
  filePageSchema,
  fileQuerySchema,
  storedFileSchema,
  type FileQuery,
} from '@lanyard/jobs-contract';
import { Files, type StoredFile } from './files.ts';
import { Uploads } from './uploads.ts';

@ApiTags('files')
@Controller('files')
export class FilesController {
  constructor(
    private readonly files: Files,
    private readonly uploads: Uploads,
  ) {}

  @Post()
  @RequireScopes('jobs:write')
  @ApiOperation({
    summary: 'Upload a file as a stream; the same content is stored once, and each client that uploads it owns it',
  })
  @ApiConsumes('text/csv')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiResponse({ status: 201, standardSchema: storedFileSchema })
  @ApiResponse({ status: 413, description: 'the file is too large, or the client has no room for it' })
  @ApiResponse({ status: 429, description: 'the client has too many uploads in progress' })
  async upload(
    @Body() body: unknown,
    @Headers('content-type') type: string,
    @Headers('content-length') length: string | undefined,
    @CurrentAccessToken() token: AccessToken,
  ): Promise<StoredFile> {
    if (!(body instanceof Readable)) throw problemException(415, 'not-csv', 'The body must be text/csv');
    requireCharset(type);
    // Otherwise Node detaches the socket from the request, and a sender that continues after a refusal could not be cut
    // off.
    const content = body.iterator({ destroyOnReturn: false });
    return this.files.store(content, token.clientId, length === undefined ? undefined : Number(length));
  }

  @Get()
  @RequireScopes('jobs:read')
  @ApiOperation({ summary: 'List the files that the client owns, with its usage and quota' })
  @ApiResponse({ status: 200, standardSchema: filePageSchema })
  async list(@Query({ schema: fileQuerySchema }) query: FileQuery, @CurrentAccessToken() { clientId }: AccessToken) {
    const items = await this.files.list(clientId, query);
    const next = nextPage('/files', query, items.length, items.at(-1)?.id);
    return { items, ...(await this.uploads.usage(clientId)), next };
  }

  @Delete(':id')
  @RequireScopes('jobs:write')
  @HttpCode(HttpStatus.NO_CONTENT)
  @ApiOperation({ summary: 'Delete a file that the client owns; the content stays while another client owns it' })
  @ApiResponse({ status: 204, description: 'deleted' })
  @ApiResponse({ status: 403, description: 'the file belongs to other clients, or the access token lacks the scope' })
  @ApiResponse({ status: 404, description: 'there is no such file' })
  @ApiResponse({
    status: 409,
    description:
      'an unfinished job of the client needs the file; if no other client owns it, a job of any client counts',
  })
  async delete(
    @Param('id', { schema: fileIdSchema }) id: string,
    @CurrentAccessToken() token: AccessToken,
  ): Promise<void> {
    await this.files.delete(id, token.clientId);
  }

  @Get(':id')
  @RequireScopes('jobs:read')
  @Header('content-type', 'text/csv')
  @ApiOperation({
    summary: 'Download a file as a stream; the connection is closed early if the file is deleted meanwhile',
  })
  @ApiProduces('text/csv')
  @ApiResponse({ status: 200, content: { 'text/csv': { schema: { type: 'string', format: 'binary' } } } })
  @ApiResponse({ status: 404, description: 'there is no such file' })
  async download(@Param('id', { schema: fileIdSchema }) id: string): Promise<StreamableFile> {
    const { size, content } = await this.files.open(id);
    // Reads one chunk ahead: a caller that stops reading costs no more memory.
    return new StreamableFile(Readable.from(content, { highWaterMark: 1 }), { type: 'text/csv', length: size });
  }
}

/** Accepts only character sets that a job detects by itself, RFC 4180 section 3. */
function requireCharset(type: string): void {
  const charset = new MIMEType(type).params.get('charset') ?? 'utf-8';
  if (['utf-8', 'utf8', 'us-ascii', 'utf-16'].includes(charset.toLowerCase())) return;
  throw problemException(415, 'charset', 'The charset must be utf-8', {
    detail: `upload the file without charset=${charset}, and specify the charset with the job`,
  });
}

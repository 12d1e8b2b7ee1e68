import { Controller, Get, Header, HttpCode, HttpStatus, Inject } from '@nestjs/common';
import { Public } from '@lanyard/resource-server/access';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { AuthServerConfiguration } from '../../configuration.ts';

/**
 * The authorization endpoint, RFC 6749 section 3.1, for clients that require one in the metadata. It supports no
 * response type: it reads no parameter, and never redirects (docs/decisions/0022).
 */
@Controller('oauth/authorize')
@Public()
export class AuthorizationController {
  private readonly page: string;

  constructor(@Inject(CONFIGURATION) { ISSUER }: AuthServerConfiguration) {
    this.page = pageFor(`${ISSUER}/oauth/token`);
  }

  @Get()
  @ApiTags('metadata')
  @ApiOperation({ summary: 'Explain to a browser that this server has no sign-in page, RFC 6749 section 3.1' })
  @ApiResponse({ status: 400, description: 'always', content: { 'text/html': { schema: { type: 'string' } } } })
  @HttpCode(HttpStatus.BAD_REQUEST)
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('cache-control', 'no-store')
  explain(): string {
    return this.page;
  }
}

const pageFor = (tokenEndpoint: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>No sign-in here</title>
  </head>
  <body>
    <h1>No sign-in here</h1>
    <p>This server issues access tokens to services. It has no user accounts and no sign-in page.</p>
    <p>
      The program that sent you here must use the client credentials grant instead: with its own client identifier and secret, at
      <code>${tokenEndpoint}</code>.
    </p>
    <p>Nothing was shared with that program.</p>
  </body>
</html>
`;

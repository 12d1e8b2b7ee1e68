import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createService } from './service.ts';
import { serviceConfiguration } from './index.ts';

@Controller('things')
class ThingsController {
  @Get()
  list() {
    return [];
  }
  @Post()
  create(@Body() body: unknown) {
    return { body };
  }
  @Post('search')
  search() {
    return [];
  }
  @Get(':id')
  read(@Param('id') id: string) {
    return { id };
  }
  @Get(':id/parts')
  parts(@Param('id') id: string) {
    return { id };
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

let app: NestFastifyApplication;
beforeAll(async () => {
  const service = { name: 'test', configuration: serviceConfiguration, module: () => ({ module: ThingsModule }) };
  ({ app } = await createService(service, { PORT: '0', LOG_LEVEL: 'silent' }));
  await app.init();
});
afterAll(() => app.close());

describe('a method that a path does not allow', () => {
  it.each([
    ['PUT', '/things', 'GET, HEAD, POST'],
    ['DELETE', '/things?all=1', 'GET, HEAD, POST'],
    ['OPTIONS', '/things', 'GET, HEAD, POST'],
    ['PUT', '/things/search', 'GET, HEAD, POST'],
    ['POST', '/things/7/parts', 'GET, HEAD'],
    ['PATCH', '/things/a%2Fb/parts', 'GET, HEAD'],
    ['PUT', '/%74hings', 'GET, HEAD, POST'],
  ] as const)('%s %s is answered 405 [other-methods, RFC 9110 §15.5.6]', async (method, url, allowed) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await app.inject({ method, url, headers, ...(method !== 'OPTIONS' && { payload: '{"a":1}' }) });
    expect([answer.statusCode, answer.headers.allow, answer.headers['content-type']]).toEqual([
      405,
      allowed,
      'application/problem+json; charset=utf-8',
    ]);
    expect(answer.json()).toEqual({
      type: 'about:blank',
      title: 'Method Not Allowed',
      status: 405,
      detail: `this path allows ${allowed}`,
    });
  });

  it.each(['/thing', '/things/', '/things/7/parts/8', '/', '/things//parts', '/things%2Fsearch', '/%74hings%2fsearch'])(
    'is answered 404 where there is no path %s',
    async (url) => {
      for (const method of ['GET', 'PUT'] as const) expect((await app.inject({ method, url })).statusCode).toBe(404);
    },
  );
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, RouteConfig, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { ForResource, Public, RequireScopes, ResourceServerModule } from '../index.ts';

class Inherited {
  @Post()
  take() {
    return {};
  }
}

@Controller('first')
@RequireScopes('first')
class FirstController extends Inherited {}

@Controller('second')
@RequireScopes('second')
class SecondController extends Inherited {}

class InheritedElsewhere {
  @Post()
  take() {
    return {};
  }
}

@Controller('third')
@RequireScopes('third')
class ThirdController extends InheritedElsewhere {}

@Controller('fourth')
@Public()
class FourthController extends InheritedElsewhere {}

class InheritedByResources {
  @Post()
  take() {
    return {};
  }
}

@Controller('fifth')
@RequireScopes('fifth')
class FifthController extends InheritedByResources {}

@Controller('sixth')
@RequireScopes('sixth')
@ForResource('https://doors.example')
class SixthController extends InheritedByResources {}

@Controller('badges')
@RequireScopes('badges:write')
class BadgesController {
  @Post()
  @RouteConfig({ note: 'kept' })
  create() {
    return {};
  }

  @Post(':id/parts/:part')
  add() {
    return {};
  }

  @Post('open')
  @Public()
  open() {
    return {};
  }
}

@Controller('forgotten')
class ForgottenController {
  @Post()
  take() {
    return {};
  }
}

const resource = 'https://badges.example';
let issuer: TestAuthorizationServer;
let app: NestFastifyApplication;
/** The URLs whose bodies were parsed. */
const parsed: string[] = [];

beforeAll(async () => {
  issuer = await startAuthorizationServer();
  @Module({
    imports: [
      ResourceServerModule.forRoot({ issuer: issuer.issuer, resource, otherResources: ['https://doors.example'] }),
    ],
    controllers: [
      FirstController,
      SecondController,
      ThirdController,
      FourthController,
      FifthController,
      SixthController,
      BadgesController,
      ForgottenController,
    ],
  })
  class BadgesModule {}
  app = await NestFactory.create(BadgesModule, new FastifyAdapter(), { logger: false });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addContentTypeParser('text/badge', { parseAs: 'string' }, (request, body, done) => {
    parsed.push(request.url);
    done(null, body);
  });
  await app.init();
  await fastify.ready();
});
afterAll(async () => {
  await app.close();
  await issuer.stop();
});

async function post(url: string, scope?: string, audience = resource) {
  parsed.length = 0;
  const authorization = scope && `Bearer ${issuer.token({ clientId: 'somebody', audience, scope })}`;
  const headers = { 'content-type': 'text/badge', ...(authorization && { authorization }) };
  const { statusCode } = await app.inject({ method: 'POST', url, headers, payload: 'a badge' });
  return [statusCode, parsed.length > 0 ? 'read' : 'unread'];
}

describe('a body', () => {
  it.each([
    ['without a token', '/badges', undefined, [401, 'unread']],
    ['without the scope', '/badges', 'badges:read', [403, 'unread']],
    ['with the scope of the controller', '/badges', 'badges:write', [201, 'read']],
    ['at a route with parameters, without a token', '/badges/7/parts/x', undefined, [401, 'unread']],
    ['at a route with parameters', '/badges/7/parts/x', 'badges:write', [201, 'read']],
    ['at a public route', '/badges/open', undefined, [201, 'read']],
    ['at a route that declares nothing', '/forgotten', 'badges:write', [403, 'unread']],
    ['at an inherited handler, without a token', '/first', undefined, [401, 'unread']],
    ['at an inherited handler that is public elsewhere, without a token', '/third', undefined, [401, 'read']],
    ['at an inherited handler that is public there', '/fourth', undefined, [201, 'read']],
    // The guard checks the scopes once it knows the controller.
    ['at an inherited handler with another rule', '/first', 'first', [201, 'read']],
    ['at the other inherited handler', '/second', 'second', [201, 'read']],
    ['at the other inherited handler, with the scope of the first', '/second', 'first', [403, 'read']],
  ] as const)('%s [token-before-body, Lanyard]', async (_, url, scope, outcome) => {
    expect(await post(url, scope)).toEqual(outcome);
  });

  it('at an inherited handler of several resources is read with a token for any, and handled with the right one [several-resources, RFC 8707 §2]', async () => {
    const doors = 'https://doors.example';
    expect([
      await post('/fifth', 'fifth'),
      await post('/sixth', 'sixth', doors),
      await post('/sixth', 'sixth'),
      await post('/fifth', 'fifth', doors),
      await post('/sixth', 'sixth', 'https://else.example'),
    ]).toEqual([
      [201, 'read'],
      [201, 'read'],
      [401, 'read'],
      [401, 'read'],
      [401, 'unread'],
    ]);
  });

  it('at a route of a resource that the options do not name is refused at start [several-resources, RFC 8707 §2]', async () => {
    @Module({
      imports: [ResourceServerModule.forRoot({ issuer: issuer.issuer, resource })],
      controllers: [SixthController],
    })
    class WrongModule {}
    const wrong = await NestFactory.create<NestFastifyApplication>(WrongModule, new FastifyAdapter(), {
      logger: false,
      abortOnError: false,
    });
    await expect(wrong.init()).rejects.toThrow(
      'SixthController.take is for https://doors.example, which is neither `resource` nor one of `otherResources`',
    );
  });
});

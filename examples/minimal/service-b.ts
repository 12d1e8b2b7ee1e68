/** Service B: validates access tokens locally, and checks the scope of each route. */
import 'reflect-metadata';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { CurrentAccessToken, RequireScopes, ResourceServerModule, type AccessToken } from '@lanyard/resource-server';

const { ISSUER = 'http://localhost:3000', SERVICE_B_URL = 'http://localhost:4002' } = process.env;

@Controller('greetings')
class GreetingsController {
  private greeting = 'Hello';

  /** A token with the scope `greetings:read` may call this. */
  @Get()
  @RequireScopes('greetings:read')
  greet(@CurrentAccessToken() { clientId }: AccessToken) {
    return { greeting: `${this.greeting}, ${clientId}` };
  }

  /** A token without `greetings:write` gets 403 here, RFC 6750 section 3.1. */
  @Post()
  @RequireScopes('greetings:write')
  change() {
    this.greeting = 'Good day';
    return { greeting: this.greeting };
  }
}

@Module({
  imports: [
    // Guards every route: the signature with the issuer's keys, `iss`, `aud`, `exp` and `typ`, RFC 9068 section 4.
    ResourceServerModule.forRoot({ issuer: ISSUER, resource: SERVICE_B_URL }),
  ],
  controllers: [GreetingsController],
})
class ServiceB {}

const app = await NestFactory.create(ServiceB, new FastifyAdapter());
await app.listen(Number(new URL(SERVICE_B_URL).port), '127.0.0.1');

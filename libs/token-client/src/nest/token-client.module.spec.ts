import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { TokenClient } from '../index.ts';
import { TokenClientModule } from './index.ts';

const PORTER = Symbol('PORTER');
const porter = { clientId: 'porter', clientSecret: 's3cret' };

@Injectable()
class Badges {
  readonly tokens: TokenClient;

  constructor(tokens: TokenClient) {
    this.tokens = tokens;
  }
}

@Module({ providers: [Badges] })
class BadgesModule {}

@Module({ providers: [{ provide: PORTER, useValue: porter }], exports: [PORTER] })
class PorterModule {}

let server: TestAuthorizationServer;
beforeEach(async () => {
  server = await startAuthorizationServer({ porter: { secret: 's3cret', scope: 'a', audience: 'https://b.example' } });
});
afterEach(() => server.stop());

describe('TokenClientModule', () => {
  it.each<[string, () => DynamicModule]>([
    ['forRoot', () => TokenClientModule.forRoot({ issuer: server.issuer, ...porter })],
    [
      'forRootAsync',
      () =>
        TokenClientModule.forRootAsync({
          imports: [PorterModule],
          inject: [PORTER],
          useFactory: (client: typeof porter) => Promise.resolve({ issuer: server.issuer, ...client }),
        }),
    ],
  ])('%s provides one token client to every module', async (_, tokenClientModule) => {
    @Module({ imports: [tokenClientModule(), BadgesModule] })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const { tokens } = app.get(Badges, { strict: false });
    expect(tokens).toBe(app.get(TokenClient, { strict: false }));
    expect(await tokens.getToken()).toMatchObject({ scope: 'a' });
    await app.close();
  });
});

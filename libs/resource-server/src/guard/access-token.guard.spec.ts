import { createHmac, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Module, Post, Query } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLocalJWKSet } from 'jose';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import {
  AccessRules,
  CurrentAccessToken,
  ForResource,
  Public,
  RequireScopes,
  ResourceServerModule,
  RevocationUnknownError,
  type AccessToken,
  type ResourceServerOptions,
  type RevocationSource,
} from '../index.ts';

@Controller('badges')
class BadgesController {
  @Get()
  @RequireScopes('badges:read')
  list(@CurrentAccessToken() token: AccessToken, @Query() query: object) {
    return { client: token.clientId, query };
  }

  @Post()
  @RequireScopes('badges:read', 'badges:write')
  create(@Body() body: object) {
    return body;
  }

  @Get('any')
  @RequireScopes()
  any() {
    return {};
  }

  @Get('open')
  @Public()
  open() {
    return {};
  }

  @Get('forgotten')
  forgotten() {
    return {};
  }
}

const resource = 'https://badges.example';
/** The `jti` of revoked tokens, and of tokens for which it is unknown whether they are revoked. */
const revoked = new Set<string>();
const unknown = new Set<string>();
const revocations: RevocationSource = {
  isRevoked: ({ claims: { jti } }) => {
    if (unknown.has(jti)) throw new RevocationUnknownError('the list is stale');
    return revoked.has(jti);
  },
  start: () => undefined,
  stop: () => undefined,
};
let issuer: TestAuthorizationServer;
let app: NestFastifyApplication;

beforeAll(async () => {
  issuer = await startAuthorizationServer();
  @Module({
    imports: [ResourceServerModule.forRoot({ issuer: issuer.issuer, resource, resourceName: 'Badges', revocations })],
    controllers: [BadgesController],
  })
  class BadgesModule {}
  app = await NestFactory.create(BadgesModule, new FastifyAdapter(), { logger: false });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterAll(async () => {
  await app.close();
  await issuer.stop();
});

const grant = { clientId: 'porter', audience: resource, scope: 'badges:read' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const call = (headers: Record<string, string>, url = '/badges', options: object = {}) =>
  app.inject({ method: 'GET', url, headers, ...options });
const metadata = `resource_metadata="${resource}/.well-known/oauth-protected-resource"`;

describe('a guarded route', () => {
  it.each(['Bearer', 'bearer', 'BEARER'])(
    'accepts a valid token with the scheme %s [scheme-in-any-case, RFC 9110 §11.1]',
    async (scheme) => {
      const response = await call({ authorization: `${scheme} ${issuer.token(grant)}` });
      expect([response.statusCode, response.json()]).toEqual([200, { client: 'porter', query: {} }]);
    },
  );

  it('refuses a token whose kid names a broken key, with 401 [broken-key, Lanyard]', async () => {
    const broken = { kty: 'EC', crv: 'P-256', kid: 'broken', x: 'AQ', y: 'AQ' };
    const getKey = createLocalJWKSet({ keys: [broken] });
    const keys = { getKey, keySet: {}, available: true, start: () => undefined, stop: () => undefined };
    @Module({
      imports: [ResourceServerModule.forRoot({ issuer: issuer.issuer, resource, keys })],
      controllers: [BadgesController],
    })
    class OtherModule {}
    const other: NestFastifyApplication = await NestFactory.create(OtherModule, new FastifyAdapter(), {
      logger: false,
    });
    await other.init();
    const headers = bearer(issuer.token(grant, { header: { kid: 'broken' } }));
    const { statusCode, json } = await other.inject({ method: 'GET', url: '/badges', headers });
    expect([statusCode, json().error]).toEqual([401, 'invalid_token']);
    await other.close();
  });

  it('accepts access tokens of the types that the options name [explicit-type, RFC 9068 §4]', async () => {
    const answers = async (types: ResourceServerOptions['types']) => {
      @Module({
        imports: [ResourceServerModule.forRoot({ issuer: issuer.issuer, resource, types })],
        controllers: [BadgesController],
      })
      class TypedModule {}
      const typed: NestFastifyApplication = await NestFactory.create(TypedModule, new FastifyAdapter(), {
        logger: false,
      });
      await typed.init();
      const statusOf = async (typ: string) => {
        const headers = bearer(issuer.token(grant, { header: { typ } }));
        return (await typed.inject({ method: 'GET', url: '/badges', headers })).statusCode;
      };
      const found = [await statusOf('at+jwt'), await statusOf('JWT'), await statusOf('secevent+jwt')];
      await typed.close();
      return found;
    };
    expect(await answers(undefined)).toEqual([200, 401, 401]);
    expect(await answers(['JWT'])).toEqual([401, 200, 401]);
    expect(await answers(['at+jwt', 'JWT'])).toEqual([200, 200, 401]);
  });

  it('refuses tokens for one of its resources at the routes of another [several-resources, RFC 8707 §2]', async () => {
    const other = 'https://doors.example/api';
    @Controller('doors')
    @ForResource(other)
    class DoorsController {
      @Get()
      @RequireScopes('doors:read')
      list() {
        return [];
      }
    }
    @Module({
      imports: [ResourceServerModule.forRoot({ issuer: issuer.issuer, resource, otherResources: [other] })],
      controllers: [BadgesController, DoorsController],
    })
    class SeveralModule {}
    const several: NestFastifyApplication = await NestFactory.create(SeveralModule, new FastifyAdapter(), {
      logger: false,
    });
    await several.init();
    const scope = 'badges:read doors:read';
    const answerTo = async (url: string, audience: unknown) => {
      const headers = bearer(issuer.token({ ...grant, scope }, { claims: { aud: audience } }));
      const { statusCode, headers: answered } = await several.inject({ method: 'GET', url, headers });
      return [statusCode, /resource_metadata="([^"]*)"/.exec(String(answered['www-authenticate']))?.[1]];
    };
    const wellKnown = '.well-known/oauth-protected-resource';
    expect([
      await answerTo('/badges', resource),
      await answerTo('/badges', other),
      await answerTo('/doors', other),
      await answerTo('/doors', resource),
      await answerTo('/doors', [resource, other]),
      await answerTo('/doors', 'https://else.example'),
    ]).toEqual([
      [200, undefined],
      [401, `${resource}/${wellKnown}`],
      [200, undefined],
      [401, `https://doors.example/${wellKnown}/api`],
      [200, undefined],
      [401, `https://doors.example/${wellKnown}/api`],
    ]);
    const metadataAt = async (path: string) => (await several.inject(`/${wellKnown}${path}`)).json();
    expect([await metadataAt(''), await metadataAt('/api')]).toMatchObject([
      { resource, scopes_supported: ['badges:read', 'badges:write'] },
      { resource: other, scopes_supported: ['doors:read'] },
    ]);
    await several.close();
  });

  it('does not mix up concurrent requests', async () => {
    const clients = Array.from({ length: 50 }, (_, i) => `client-${i}`);
    const answers = await Promise.all(clients.map((clientId) => call(bearer(issuer.token({ ...grant, clientId })))));
    expect(answers.map((response) => response.json().client)).toEqual(clients);
  });

  it('challenges a request without a token, without an error code [no-error-without-credentials, RFC 6750 §3.1]', async () => {
    const response = await call({});
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe(`Bearer scope="badges:read", ${metadata}`);
    expect(response.headers['content-type']).toMatch('application/json');
    expect(response.json()).toEqual({
      type: 'https://www.rfc-editor.org/rfc/rfc6750#section-3.1',
      title: 'Access token missing',
      status: 401,
      detail: 'send an access token in the Authorization header',
    });
  });

  it('challenges a request with another scheme', async () => {
    const response = await call({ authorization: 'Basic eDp5' });
    expect([response.statusCode, response.headers['www-authenticate']]).toEqual([
      401,
      `Bearer scope="badges:read", ${metadata}`,
    ]);
  });

  it.each<[string, () => string]>([
    ['an expired token', () => issuer.token({ ...grant, lifetime: -60 })],
    ['a token for another audience', () => issuer.token({ ...grant, audience: 'https://other.example' })],
    ['a token of another issuer', () => issuer.token(grant, { claims: { iss: 'https://other.example' } })],
    ['typ JWT', () => issuer.token(grant, { header: { typ: 'JWT' } })],
    ['an unknown key', () => issuer.token(grant, { header: { kid: 'unknown' } })],
    [
      'an unknown crit [critical-headers, RFC 7515 §4.1.11]',
      () => issuer.token(grant, { header: { crit: ['x'], x: 1 } }),
    ],
    ['a tampered token', () => issuer.token(grant).replace(/\.[^.]+\./, (part) => `${part.slice(0, -2)}x.`)],
    ['a token cut short', () => issuer.token(grant).slice(0, -10)],
    ['alg none [algorithm-allow-list, RFC 8725 §3.1]', () => unsigned(issuer.token(grant))],
    ['text', () => 'x'],
  ])('refuses %s [invalid-token, RFC 6750 §3.1]', async (_, token) => {
    const response = await call(bearer(token()));
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toMatch(
      /^Bearer error="invalid_token", error_description="the access token (is invalid|expired)", resource_metadata=/,
    );
    expect(response.json()).toMatchObject({ title: 'Invalid access token', status: 401, error: 'invalid_token' });
  });

  it('refuses HS256 with the public key as the secret [algorithm-allow-list, RFC 8725 §3.1]', async () => {
    const { keys } = (await (await fetch(`${issuer.issuer}/jwks`)).json()) as { keys: object[] };
    const pem = createPublicKey({ key: keys[0] as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const [, payload] = issuer.token(grant).split('.');
    const header = { alg: 'HS256', typ: 'at+jwt', kid: (keys[0] as { kid: string }).kid };
    const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`;
    const response = await call(bearer(`${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`));
    expect([response.statusCode, response.json().error]).toEqual([401, 'invalid_token']);
  });

  it('refuses a revoked token with a challenge, whatever its scope, and no other [revoked-token, RFC 7009 §2] [scope-comes-last, RFC 9068 §4]', async () => {
    revoked.add('revoked-1');
    const token = (jti: string, scope = 'badges:read') => issuer.token({ ...grant, scope }, { claims: { jti } });
    for (const scope of ['badges:read', 'other']) {
      const response = await call(bearer(token('revoked-1', scope)));
      expect([response.statusCode, response.headers['www-authenticate']]).toEqual([
        401,
        `Bearer error="invalid_token", error_description="the access token was revoked", ${metadata}`,
      ]);
    }
    expect((await call(bearer(token('revoked-2')))).statusCode).toBe(200);
  });

  it('answers 503 if it is unknown whether a token is revoked', async () => {
    unknown.add('unknown-1');
    const response = await call(bearer(issuer.token(grant, { claims: { jti: 'unknown-1' } })));
    expect([response.statusCode, response.headers['retry-after'], response.headers['www-authenticate']]).toEqual([
      503,
      '1',
      undefined,
    ]);
  });

  it('refuses a token without the required scope, and names that scope [insufficient-scope, RFC 6750 §3.1]', async () => {
    const response = await call(bearer(issuer.token(grant)), '/badges', { method: 'POST', payload: {} });
    expect(response.statusCode).toBe(403);
    expect(response.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", error_description="the access token lacks the required scope", ' +
        `scope="badges:read badges:write", ${metadata}`,
    );
    expect(response.json()).toMatchObject({
      status: 403,
      error: 'insufficient_scope',
      scope: 'badges:read badges:write',
    });
  });

  it.each<[string, () => Parameters<typeof call>]>([
    ['a token in the query', () => [{}, `/badges?access_token=${issuer.token(grant)}`]],
    ['a second token in the query', () => [bearer(issuer.token(grant)), '/badges?access_token=x']],
    ['two tokens in the query', () => [{}, '/badges?access_token=x&access_token=y']],
    [
      'a second token in a JSON body',
      () => {
        const token = issuer.token({ ...grant, scope: 'badges:read badges:write' });
        return [bearer(token), '/badges', { method: 'POST', payload: { access_token: token } }];
      },
    ],
    ['a malformed header', () => [{ authorization: 'Bearer a b' }]],
    ['a header without a token', () => [{ authorization: 'Bearer' }]],
  ])(
    'refuses %s as a bad request [header-only, RFC 6750 §5.3] [malformed-request, RFC 6750 §3.1]',
    async (_, request) => {
      const response = await call(...request());
      expect([response.statusCode, response.json().error]).toEqual([400, 'invalid_request']);
      expect(response.headers['www-authenticate']).toMatch(/^Bearer error="invalid_request"/);
    },
  );

  it('does not accept a token in a body [header-only, RFC 6750 §5.3]', async () => {
    const payload = { access_token: issuer.token({ ...grant, scope: 'badges:read badges:write' }) };
    expect((await call({}, '/badges', { method: 'POST', payload })).statusCode).toBe(401);
  });

  it('requires a valid token even if no scope is required', async () => {
    expect((await call({}, '/badges/any')).statusCode).toBe(401);
    expect((await call(bearer(issuer.token({ ...grant, scope: 'other' })), '/badges/any')).statusCode).toBe(200);
  });

  it('serves public routes to every caller, and refuses undeclared routes to every caller [declared-access, Lanyard]', async () => {
    expect((await call({}, '/badges/open')).statusCode).toBe(200);
    expect((await call(bearer(issuer.token(grant)), '/badges/forgotten')).statusCode).toBe(403);
    expect(app.get(AccessRules).undeclared()).toEqual(['BadgesController.forgotten']);
  });
});

describe('two resource servers in one process', () => {
  it('do not accept tokens for each other [audience, RFC 9068 §4]', async () => {
    const other = 'https://other.example';
    @Module({
      imports: [ResourceServerModule.forRoot({ issuer: issuer.issuer, resource: other })],
      controllers: [BadgesController],
    })
    class OtherModule {}
    const second = await NestFactory.create<NestFastifyApplication>(OtherModule, new FastifyAdapter(), {
      logger: false,
    });
    await second.init();
    const headers = bearer(issuer.token(grant));
    expect((await second.inject({ url: '/badges', headers })).statusCode).toBe(401);
    expect((await call(headers)).statusCode).toBe(200);
    await second.close();
  });
});

describe('the metadata', () => {
  it('names the scopes that routes require [resource-metadata, RFC 9728 §2]', async () => {
    expect((await call({}, '/.well-known/oauth-protected-resource')).json()).toEqual({
      resource,
      authorization_servers: [issuer.issuer],
      scopes_supported: ['badges:read', 'badges:write'],
      bearer_methods_supported: ['header'],
      resource_name: 'Badges',
    });
    expect((await call({}, '/.well-known/oauth-protected-resource/other')).statusCode).toBe(404);
  });
});

function unsigned(token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: 'x' })).toString('base64url');
  return `${header}.${token.split('.')[1]}.`;
}

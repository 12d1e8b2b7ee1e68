import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Logger, Module, Param, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { createService } from './service.ts';
import { addLogFields, Management, problemException, Readiness, serviceConfiguration } from './index.ts';

const errors: Record<string, () => unknown> = {
  unknown: () => Object.assign(new Error('a secret of the database'), { parameters: ['hush'] }),
  refused: () => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
  stopping: () => Object.assign(new Error('terminating connection'), { code: '57P01' }),
  'given up': () => Object.assign(new Error('terminating connection'), { code: '25P03' }),
  aborted: () => Object.assign(new Error('aborted'), { code: 'ECONNRESET' }),
  data: () => Object.assign(new Error('unsupported Unicode escape sequence'), { code: '22P05' }),
  large: () => Object.assign(new Error('Request body is too large'), { statusCode: 413 }),
  many: () => problemException(429, 'too-many', 'Too many'),
  own: () => problemException(409, 'lease-lost', 'The lease is lost', { detail: 'gone' }),
};

@Controller()
class TestController {
  private readonly logger = new Logger('Test');

  constructor(readonly readiness: Readiness) {}

  @Get('errors/:name')
  fail(@Param('name') name: string) {
    throw errors[name]?.();
  }

  @Get('later')
  refuse(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('retry-after', '60');
    throw problemException(429, 'too-many', 'Too many');
  }

  @Get('log')
  log() {
    this.logger.log({ msg: 'hello', client_id: 'porter', access_token: 'ey.secret', nested: { password: 'hush' } });
    return {};
  }
}

@Module({ controllers: [TestController] })
class TestModule {}

let app: NestFastifyApplication;
let lines: Record<string, unknown>[];
let destination: Writable;
const environment = { PORT: '0', LOG_LEVEL: 'info' };
const service = { name: 'test', configuration: serviceConfiguration, module: () => ({ module: TestModule }) };

beforeEach(async () => {
  lines = [];
  destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  ({ app } = await createService(service, environment, destination));
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, _reply, done) => {
      addLogFields(request, { extra: 1, token: 'hush' });
      done();
    });
  await app.init();
});
afterEach(() => app.close());

describe('a service', () => {
  it.each([
    ['unknown', 500, undefined],
    ['refused', 503, 'the database is not available at the moment'],
    ['stopping', 503, 'the database is not available at the moment'],
    ['given up', 503, 'the database is not available at the moment'],
    ['aborted', 400, 'the request was aborted'],
    ['data', 400, 'the database does not accept a value, such as a text with NUL'],
    ['large', 413, 'Request body is too large'],
    ['many', 429, undefined],
    ['own', 409, 'gone'],
  ])('answers the error "%s" with %i and a problem [problem-bodies, RFC 9457]', async (name, status, detail) => {
    const response = await app.inject(`/errors/${name}`);
    expect([response.statusCode, response.headers['content-type']]).toEqual([
      status,
      'application/problem+json; charset=utf-8',
    ]);
    expect(response.json()).toMatchObject({ status, ...(detail && { detail }) });
    expect(response.body).not.toContain('secret');
    expect(response.headers['retry-after']).toBe([429, 503].includes(status) ? '1' : undefined);
  });

  it('keeps the Retry-After of the exception', async () => {
    expect((await app.inject('/later')).headers['retry-after']).toBe('60');
  });

  it('answers a malformed address with a problem', async () => {
    const response = await app.inject('/%zz?access_token=hush');
    expect(response.body).not.toContain('hush');
    expect(response.headers['x-content-type-options']).toBe('nosniff');
    expect([response.statusCode, response.headers['content-type']]).toEqual([
      400,
      'application/problem+json; charset=utf-8',
    ]);
  });

  it('logs one line for each request, without the query, with the id that the caller sent [no-secret-in-output, Lanyard]', async () => {
    await app.inject({ url: '/log?access_token=hush', headers: { 'x-request-id': 'abc' } });
    expect(lines.at(-1)).toMatchObject({
      level: 'info',
      service: 'test',
      msg: 'request',
      method: 'GET',
      route: '/log',
      status: 200,
      request_id: 'abc',
      extra: 1,
      token: '[redacted]',
    });
    expect(JSON.stringify(lines)).not.toContain('hush');
  });

  it('logs the error, but not the parameters in it', async () => {
    await app.inject('/errors/unknown');
    expect(lines.find(({ msg }) => msg === 'request failed')).toMatchObject({
      err: { message: 'a secret of the database' },
    });
    expect(JSON.stringify(lines)).not.toContain('hush');
  });

  it('logs no part of an address that may be a secret [no-secret-in-output, Lanyard]', async () => {
    const response = await app.inject('/lanyard_cs_hush?access_token=hush');
    await app.inject('/errors/hush');
    expect(response.body).not.toContain('hush');
    expect(JSON.stringify(lines.filter(({ msg }) => msg === 'request'))).not.toContain('hush');
  });

  it.each(['a b', 'x'.repeat(65), 'a"b', 'lanyard_cs_hush'])('creates its own id instead of %j', async (id) => {
    const response = await app.inject({ url: '/log', headers: { 'x-request-id': id } });
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('redacts fields that look like secrets [no-secret-in-output, Lanyard]', async () => {
    await app.inject('/log');
    expect(lines.find(({ msg }) => msg === 'hello')).toMatchObject({
      client_id: 'porter',
      access_token: '[redacted]',
      nested: { password: '[redacted]' },
    });
  });

  it('is ready if all its checks pass, and reports those that fail', async () => {
    const { readiness } = app.get(TestController);
    readiness.require('good', async () => {});
    readiness.require('slow', async () => ({ degraded: 'slow today' }));
    expect((await app.get(Management).inject('/health/ready')).json()).toMatchObject({
      status: 'degraded',
      details: { slow: { message: 'slow today' } },
    });
    readiness.require('bad', () => Promise.reject(new Error('password of the database')));
    const response = await app.get(Management).inject('/health/ready');
    expect([response.statusCode, response.json().details.bad]).toEqual([503, { status: 'down' }]);
    expect(response.body).not.toContain('password');
    expect((await app.get(Management).inject('/health/live')).statusCode).toBe(200);
  });

  it('measures by route, never by address [no-secret-in-output, Lanyard]', async () => {
    await app.inject('/errors/own');
    const { body } = await app.get(Management).inject('/metrics');
    expect(body).toContain(
      'http_request_duration_seconds_count{service="test",method="GET",route="/errors/:name",status="409"} 1',
    );
    expect(body).not.toContain('/errors/own');
  });

  it('measures every request, however many arrive between two scrapes', async () => {
    for (let i = 0; i < 1100; i++) await app.inject('/log');
    for (const count of [1100, 1100]) {
      const { body } = await app.get(Management).inject('/metrics');
      expect(body).toMatch(new RegExp(`_count\\{.*route="/log",status="200"\\} ${count}$`, 'm'));
    }
  });

  it.each(['/log', '/errors/unknown', '/nothing'])(
    'sends security headers with %s [security-headers, Lanyard]',
    async (url) => {
      expect((await app.inject(url)).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      });
    },
  );

  it.each(['GET', 'OPTIONS'] as const)(
    'allows nothing to other origins that request by %s [closed-cors, Lanyard]',
    async (method) => {
      const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' };
      const answered = await app.inject({ method, url: '/log', headers });
      expect(answered.statusCode).toBe(method === 'GET' ? 200 : 405);
      expect(Object.keys(answered.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    },
  );

  it.each([
    ['no proxy', undefined, '192.0.2.1'],
    ['another proxy', '192.0.2.2,10.0.0.0/8', '192.0.2.1'],
    ['that proxy', '192.0.2.0/24', '203.0.113.7'],
    ['a proxy with another name', 'localhost', '192.0.2.1'],
  ])(
    'logs the origin of a request through a proxy, trusting %s [trusted-proxies-only, Lanyard]',
    async (_, trusted, address) => {
      const trusting = { ...environment, TRUSTED_PROXIES: trusted };
      const { app: behind } = await createService(service, trusting, destination);
      await behind.init();
      const headers = { 'x-forwarded-for': '203.0.113.7' };
      await behind.inject({ url: '/log', remoteAddress: '192.0.2.1', headers });
      expect(lines.at(-1)).toMatchObject({ route: '/log', address });
      await behind.close();
    },
  );

  it.each([
    [{ PORT: '70000' }, /^PORT: /],
    [{ TRUSTED_PROXIES: '10.0.0.0/8,some where' }, /^TRUSTED_PROXIES.*: must be addresses, networks/],
    [{ TRUSTED_PROXIES: '10.0.0.256' }, /^TRUSTED_PROXIES.*: must be addresses, networks/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL: /],
  ])('does not start with %j', async (wrong, message) => {
    await expect(createService(service, { ...environment, ...wrong })).rejects.toThrow(message);
  });
});

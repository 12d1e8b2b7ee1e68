import type { Server as HttpServer } from 'node:http';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Gauge } from 'prom-client';
import { Management, MetricsRegistry, serviceConfiguration, type ServiceConfiguration } from '../index.ts';
import { flood, maxBytesTaken } from '../limits/unread-bodies.fixture.ts';
import { createService } from '../service.ts';
import { explain } from '../startup-failure.ts';

@Module({})
class TestModule {}

const service = { name: 'test', configuration: serviceConfiguration, module: () => ({ module: TestModule }) };
const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

let app: NestFastifyApplication;
let configuration: ServiceConfiguration;
let management: Management;
let url: string;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  lines = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const environment = { PORT: '0', MAX_CONNECTIONS: '10' };
  ({ app, configuration } = await createService(service, environment, destination));
  await app.init();
  management = app.get(Management);
  url = await management.listen(app.getHttpServer(), configuration);
});
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
  await management.close();
});

const publicPort = () => (app.getHttpServer().address() as AddressInfo).port;
const readiness = async () => {
  const response = await fetch(`${url}/health/ready`);
  return [response.status, ((await response.json()) as { detail?: string }).detail];
};

async function sendBytes(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  sockets.push(socket);
  socket.write(bytes);
  return text(socket);
}

describe('the management listener', () => {
  it('serves health and metrics, which the public listener does not [management-listener, Lanyard]', async () => {
    await app.listen(0, '127.0.0.1');
    for (const path of ['/health/live', '/health/ready', '/metrics']) {
      expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
      expect([path, (await fetch(`http://127.0.0.1:${publicPort()}${path}`)).status]).toEqual([path, 404]);
    }
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('process_start_time_seconds{service="test"}');
  });

  it('returns the address at which it listens, unchanged', async () => {
    const { app: other } = await createService(service, { PORT: '0' }, new Writable());
    await other.init();
    const everywhere = { ...configuration, MANAGEMENT_HOST: '0.0.0.0' };
    const address = await other.get(Management).listen(other.getHttpServer(), everywhere);
    await other.close();
    await other.get(Management).close();
    expect(address).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
  });

  it('answers while all connections of the public listener are in use [management-listener, Lanyard]', async () => {
    await app.listen(0, '127.0.0.1');
    const opened = Array.from({ length: 20 }, () => connect(publicPort(), '127.0.0.1').on('error', () => undefined));
    sockets.push(...opened);
    await Promise.all(opened.map((socket) => once(socket, 'connect')));
    expect(await readiness()).toEqual([200, undefined]);
    expect(await (await fetch(`${url}/health/live`)).json()).toEqual({ status: 'ok' });
  });

  it('answers while a caller holds many of its own connections [management-listener, Lanyard]', async () => {
    await app.listen(0, '127.0.0.1');
    const port = Number(new URL(url).port);
    const opened = Array.from({ length: 120 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    sockets.push(...opened);
    await Promise.all(opened.map((socket) => once(socket, 'connect')));
    expect(await readiness()).toEqual([200, undefined]);
  });

  it('reports that the service is not ready before and after it accepts requests [management-listener, Lanyard]', async () => {
    expect(await readiness()).toEqual([503, 'the service is starting']);
    await app.listen(0, '127.0.0.1');
    expect(await readiness()).toEqual([200, undefined]);
    management.stopping();
    expect(await readiness()).toEqual([503, 'the service is stopping']);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    await app.close();
    expect(await readiness()).toEqual([503, 'the service is stopping']);
  });

  it.each(['/', '/docs', '/oauth/token', '/health', '/metrics/x', '/%zz?access_token=hush'])(
    'answers 404 at %s [security-headers, Lanyard]',
    async (path) => {
      const response = await fetch(url + path);
      expect([response.status, response.headers.get('content-type')]).toEqual([
        404,
        'application/problem+json; charset=utf-8',
      ]);
      expect(Object.fromEntries(response.headers)).toMatchObject(securityHeaders);
      expect(await response.json()).toMatchObject({ status: 404, detail: 'no resource matches this path' });
      expect(JSON.stringify(lines)).not.toContain('hush');
    },
  );

  it.each(['/health/live', '/health/ready', '/metrics'])(
    'answers 405 to other methods at %s [other-methods, RFC 9110 §15.5.6]',
    async (path) => {
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const response = await fetch(url + path, { method });
        expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'GET, HEAD']);
        expect(Object.fromEntries(response.headers)).toMatchObject(securityHeaders);
      }
    },
  );

  it.each(['/health/live', '/health/ready', '/metrics'])(
    'sends security headers with %s, and does not log these frequent requests [security-headers, Lanyard]',
    async (path) => {
      await app.listen(0, '127.0.0.1');
      const { headers } = await management.inject(path);
      expect(headers).toMatchObject({ ...securityHeaders, 'cache-control': 'no-store' });
      expect(lines.filter(({ msg }) => msg === 'request')).toEqual([]);
    },
  );

  it.each(['/health/live', '/nothing', '/%zz'])(
    'leaves a body unread at %s [token-before-body, Lanyard]',
    async (path) => {
      const { server } = Reflect.get(management, 'fastify') as { server: HttpServer };
      const { answer, taken } = await flood(server, { method: 'POST', url: path });
      expect(answer).toMatch(path === '/health/live' ? /^HTTP\/1.1 405 / : /^HTTP\/1.1 404 /);
      expect(answer).toContain('connection: close');
      expect(taken).toBeLessThan(maxBytesTaken);
    },
  );

  it('logs why a request failed, and does not reveal it to the caller [no-server-error, Lanyard]', async () => {
    app.get(MetricsRegistry).registerMetric(
      new Gauge({
        name: 'broken',
        help: 'cannot be read',
        registers: [],
        collect: () => {
          throw new Error('the gauge is broken');
        },
      }),
    );
    const { statusCode, headers, body } = await management.inject('/metrics');
    expect([statusCode, body]).toEqual([500, expect.not.stringContaining('gauge')]);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'request failed',
        request_id: headers['x-request-id'],
        err: expect.objectContaining({ message: 'the gauge is broken' }),
      }),
    );
  });

  it.each([
    ['headers of 10 KB', `GET /metrics HTTP/1.1\r\nhost: here\r\nx: ${'a'.repeat(10_000)}\r\n\r\n`, 431],
    ['bytes that are not a request', 'nonsense\r\n\r\n', 400],
  ])('refuses %s [header-limit, Lanyard]', async (_, bytes, status) => {
    expect(await sendBytes(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*application/problem\\+json`));
  });

  it('names the setting of a port that is in use', async () => {
    const { app: other } = await createService(service, { PORT: '0', LOG_LEVEL: 'silent' });
    const taken = { ...configuration, MANAGEMENT_PORT: Number(new URL(url).port) };
    const error: unknown = await other
      .get(Management)
      .listen(other.getHttpServer() as Server, taken)
      .catch((reason: unknown) => reason);
    expect(explain(error)).toEqual([
      `port ${taken.MANAGEMENT_PORT} is already in use: stop the program that uses it, or set MANAGEMENT_PORT`,
    ]);
    const same = { ...configuration, PORT: 3100, MANAGEMENT_PORT: 3100 };
    await expect(other.get(Management).listen(other.getHttpServer() as Server, same)).rejects.toThrow(
      'MANAGEMENT_PORT must be another port than PORT',
    );
    await other.close();
  });
});

import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { serviceConfiguration } from '../index.ts';
import { createService } from '../service.ts';
import { limitBodyTime } from './limit-body-time.ts';

@Controller()
class TestController {
  @Get('here')
  answer() {
    return {};
  }

  @Post(['small', 'large'])
  take() {
    return {};
  }
}

@Module({ controllers: [TestController] })
class TestModule {}

let app: NestFastifyApplication;
let logs: string;
let port: number;

beforeEach(async () => {
  logs = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logs += String(chunk);
      done();
    },
  });
  const service = {
    name: 'test',
    configuration: serviceConfiguration,
    module: () => ({ module: TestModule }),
    requestTimeout: 9,
    setUp: (application: NestFastifyApplication) => {
      limitBodyTime(application, 0.3, ({ route }) => route === '/large');
    },
  };
  ({ app } = await createService(service, { PORT: '0' }, destination));
  await app.listen(0, '127.0.0.1');
  ({ port } = app.getHttpServer().address() as AddressInfo);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

const sockets: Socket[] = [];
function open(): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

/** The response to these bytes, until the server closes the connection. */
function answerTo(bytes: string): Promise<string> {
  const socket = open();
  socket.write(bytes);
  return text(socket);
}
const closing = 'host: here\r\nconnection: close\r\n';

describe('a server', () => {
  it.each([
    ['one header of 20 KB', `x: ${'a'.repeat(20_000)}\r\n`, 'the headers are larger than 16 KiB'],
    ['many headers that are large together', 'x: abcdefgh\r\n'.repeat(2000), 'the headers are larger than 16 KiB'],
    ['more than 100 headers', 'x: y\r\n'.repeat(100), undefined],
  ])('refuses %s with 431 [header-limit, Lanyard]', async (_, headers, detail) => {
    const answer = await answerTo(`GET /here HTTP/1.1\r\n${closing}${headers}\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 431 Request Header Fields Too Large\r\n/);
    expect(answer).toMatch(/content-type: application\/problem\+json/);
    expect(answer).toMatch(/x-content-type-options: nosniff/);
    if (detail) expect(answer).toContain(detail);
    expect(logs).toContain('"status":431');
  });

  it('accepts a hundred headers', async () => {
    const headers = 'x: y\r\n'.repeat(97);
    expect(await answerTo(`GET /here HTTP/1.1\r\n${closing}${headers}\r\n`)).toMatch(/^HTTP\/1.1 200 /);
  });

  it.each([
    'nonsense\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /\0 HTTP/1.1\r\nhost: here\r\n\r\n',
    '\x16\x03\x01\r\n\r\n',
  ])('answers %j with 400 and a problem', async (bytes) => {
    const answer = await answerTo(bytes);
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    expect(answer).toContain('"detail":"this is not an HTTP request"');
    expect(answer).toMatch(/connection: close/);
  });

  it('waits for a request no longer than its limit [time-limit, Lanyard]', async () => {
    const socket = open();
    socket.write(`POST /large HTTP/1.1\r\n${closing}content-type: application/json\r\ncontent-length: 100\r\n\r\n{`);
    const dripping = setInterval(() => socket.write(' '), 1000);
    expect(await text(socket)).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n[^]*did not arrive in time/);
    clearInterval(dripping);
  }, 30_000);

  it('waits even less for a body at a route for small bodies [time-limit, Lanyard]', async () => {
    const head = `POST /small HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`;
    const answer = await answerTo(head);
    expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n[^]*did not arrive in time/);
    // This was the limit of the route: the limit of the server does not know the route.
    expect(logs).toMatch(/"route":"\/small","status":408/);
    expect(logs).not.toContain('unreadable request');
  });

  it('cuts off callers that keep sending after the response [time-limit, Lanyard]', async () => {
    // Disabled, so that it does not end the connection.
    app.getHttpServer().requestTimeout = 0;
    const socket = open();
    socket.write(`POST /nothing HTTP/1.1\r\nhost: here\r\ncontent-length: 1000\r\n\r\n`);
    const dripping = setInterval(() => socket.write('a'), 100);
    expect(await text(socket)).toMatch(/^HTTP\/1.1 404 /);
    clearInterval(dripping);
  });

  it('does not wait for a body at a path without a route [time-limit, Lanyard]', async () => {
    const head = `POST /nowhere HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`;
    expect(await answerTo(head)).toMatch(/^HTTP\/1.1 4\d\d [^]*connection: close/);
  });

  it('cuts off callers that send a body to a malformed address [time-limit, Lanyard]', async () => {
    const answer = await answerTo(`POST /%zz HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\n{`);
    expect(answer).toMatch(/^HTTP\/1.1 400 [^]*the address is not encoded correctly/);
  });

  it('refuses a second Authorization header', async () => {
    const twice = 'authorization: Bearer a\r\nAuthorization: Bearer b\r\n';
    const answer = await answerTo(`GET /here HTTP/1.1\r\n${closing}${twice}\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 400 [^]*The Authorization header is repeated/);
  });
});

import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { serviceConfiguration } from '../index.ts';
import { createService } from '../service.ts';
import { leftOf, piecesOfNext } from './kept-pieces.fixture.ts';
import { listening, maxBytesTaken } from './unread-bodies.fixture.ts';

@Controller()
class TestController {
  @Post('echo')
  echo(@Body() body: unknown) {
    return body;
  }
}

@Module({ controllers: [TestController] })
class TestModule {}

let app: NestFastifyApplication;
let server: Awaited<ReturnType<typeof listening>>;
const sockets: Socket[] = [];
let answered = 0;

beforeAll(async () => {
  const service = {
    name: 'test',
    configuration: serviceConfiguration,
    module: () => ({ module: TestModule }),
    bodyLimit: 1000,
    setUp: (application: NestFastifyApplication) => {
      const fastify = application.getHttpAdapter().getInstance();
      // Like a guard that takes its time.
      fastify.addHook('onRequest', async ({ query }) => void ('slow' in (query as object) && (await sleep(50))));
      fastify.addHook('onSend', async () => void (answered += 1));
    },
  };
  ({ app } = await createService(service, { PORT: '0', LOG_LEVEL: 'silent' }));
  server = await listening(app);
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => app.close());

async function send(bytes: string, localAddress = '127.0.0.1'): Promise<Socket> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}
const head = (path: string, headers: string) =>
  `POST ${path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n${headers}\r\n`;
const firstOf = async (socket: Socket) => String((await once(socket, 'data'))[0]);

describe('100 Continue', () => {
  it('is sent when the body is read', async () => {
    const socket = await send(head('/echo', 'expect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n'));
    expect(await firstOf(socket)).toMatch(/^HTTP\/1.1 100 Continue\r\n/);
    socket.write('{}');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 201 /);
  });

  it.each([
    ['too large', 413, 'content-length: 1001\r\n'],
    ['of another type', 415, 'content-length: 2\r\ncontent-type: text/none\r\n'],
  ])('is not sent for a body that is %s', async (_, status, headers) => {
    const replaced = head('/echo', `expect: 100-continue\r\n${headers}`).replace(
      /(content-type: application\/json\r\n)(?=[^]*content-type)/,
      '',
    );
    expect(await text(await send(replaced))).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*connection: close`));
  });

  it('is not sent with HTTP/1.0, which has no expectations', async () => {
    const old = head('/echo', 'expect: 100-continue\r\ncontent-length: 2\r\n').replace('HTTP/1.1', 'HTTP/1.0');
    expect(await text(await send(`${old}{}`))).toMatch(/^HTTP\/1.1 201 /);
  });
});

describe('the body of a refused request', () => {
  it('stays unread if an expectation other than 100-continue is refused', async () => {
    const { answer, taken } = await server.flood({ method: 'POST', url: '/echo' }, 'expect: banana\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 417 [^]*x-content-type-options[^]*connection: close/);
    expect(taken).toBeLessThan(maxBytesTaken);
  });

  it('stays unread if the address is malformed', async () => {
    const { answer, taken } = await server.flood({ method: 'POST', url: '/%zz' });
    expect(answer).toMatch(/^HTTP\/1.1 400 [^]*connection: close/);
    expect(taken).toBeLessThan(maxBytesTaken);
  });

  it.each([
    ['/nothing', 404],
    ['/%zz', 400],
    ['/echo?slow', 415],
    ['/echo', 415],
  ])('is not kept at %s if it arrives in pieces of one byte [body-pieces, Lanyard]', async (path, status) => {
    const pieces = piecesOfNext(app.getHttpServer());
    const accepted = once(app.getHttpServer(), 'connection') as Promise<[Socket]>;
    const socket = await send(
      `POST ${path} HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n1\r\n[\r\n`,
      '127.0.0.3',
    );
    const [serverSocket] = await accepted;
    socket.write('1\r\n[\r\n'.repeat(500_000));
    expect(await firstOf(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    for (let before = -1; before !== serverSocket.bytesRead; await sleep(50)) before = serverSocket.bytesRead;
    // Of 3 MB that were sent.
    expect(serverSocket.bytesRead).toBeLessThan(2 * maxBytesTaken);
    expect(await leftOf(pieces)).toBeLessThan(20);
    expect(serverSocket.destroyed).toBe(false);
  });

  it('does not end the connection if it has fully arrived', async () => {
    const socket = await send(`${head('/nothing', 'content-length: 2\r\n')}{}`);
    expect(await firstOf(socket)).toMatch(/^HTTP\/1.1 404 (?![^]*connection: close)/);
    socket.write(head('/echo', 'content-length: 2\r\nconnection: close\r\n') + '{}');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 201 /);
  });

  it('ends its request if the connection broke off while a guard ran', async () => {
    answered = 0;
    const broken = await send(`${head('/echo?slow', 'content-length: 500\r\n')}{`);
    await sleep(20);
    broken.resetAndDestroy();
    await sleep(200);
    expect(answered).toBe(1);
  });

  it('gives its place back if its connection breaks off', async () => {
    for (let i = 0; i < 150; i++) (await send(`${head('/echo', 'content-length: 500\r\n')}{`)).destroy();
    await sleep(50);
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = await send(head('/echo', 'content-length: 100000\r\n'));
        const ended = once(socket, 'end');
        const answer = await firstOf(socket);
        await ended;
        // Half closed: bytes that are sent after the response do not cause a reset.
        for (let i = 0; i < 3; i++) {
          socket.write('x'.repeat(1000));
          await sleep(20);
        }
        return [answer.slice(9, 12), socket.errored];
      }),
    );
    expect(new Set(answers.map(String))).toEqual(new Set(['413,']));
  });

  it('takes one place for many pipelined requests on a connection [token-before-body, Lanyard]', async () => {
    const pipelined = await send(`${head('/echo', 'content-length: 2\r\nexpect: wonders\r\n')}{}`.repeat(50));
    await firstOf(pipelined);
    const other = await send(head('/echo', 'content-length: 100000\r\n'));
    await firstOf(other);
    for (let i = 0; i < 3; i++) {
      other.write('x'.repeat(1000));
      await sleep(20);
    }
    expect(other.errored).toBeNull();
  });

  it('takes no places of other addresses if one address sends many [token-before-body, Lanyard]', async () => {
    const refuse = async (address: string) => {
      const socket = await send(head('/echo', 'content-length: 100000\r\n'), address);
      await firstOf(socket);
      return socket;
    };
    const many = await Promise.all(Array.from({ length: 120 }, () => refuse('127.0.0.1')));
    const other = await refuse('127.0.0.2');
    for (let i = 0; i < 3; i++) {
      for (const socket of [...many, other]) socket.write('x'.repeat(1000));
      await sleep(20);
    }
    expect(other.errored).toBeNull();
    // The others are reset.
    while (many.filter(({ errored }) => errored === null).length > 10) await sleep(10);
  });
});

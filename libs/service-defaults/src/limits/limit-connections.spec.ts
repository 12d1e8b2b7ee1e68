import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Param, Post, Req, StreamableFile } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { generate } from 'selfsigned';
import { Management, markAuthenticated, serviceConfiguration } from '../index.ts';
import { createService } from '../service.ts';

/** Ends the waiting requests. */
let released: PromiseWithResolvers<object>;
let atWork = 0;

@Controller()
class TestController {
  @Get('here')
  answer() {
    return {};
  }

  @Post('here')
  take() {
    return {};
  }

  @Get('waiting')
  wait() {
    atWork += 1;
    return released.promise;
  }

  /** Like a guard that accepts an access token. */
  @Get('token')
  async takeToken(@Req() request: FastifyRequest & { user?: object }) {
    request.user = { clientId: 'porter' };
    return { ...(await released.promise), ...request.user };
  }

  /** Like the authentication of a client. */
  @Get('client')
  takeClient(@Req() request: FastifyRequest) {
    markAuthenticated(request, 'porter');
    return released.promise;
  }

  @Get('as/:client')
  answerAs(@Req() request: FastifyRequest, @Param('client') client: string) {
    markAuthenticated(request, client);
    return {};
  }

  /** Like a guard that runs before the body is read, or a client that is authenticated after that. */
  @Post('as/:client')
  takeAs(@Req() request: FastifyRequest, @Param('client') client: string) {
    markAuthenticated(request, client);
    return {};
  }

  @Get('as/:client/waiting')
  waitAs(@Req() request: FastifyRequest, @Param('client') client: string) {
    markAuthenticated(request, client);
    atWork += 1;
    return released.promise;
  }

  @Get('as/:client/large')
  download(@Req() request: FastifyRequest, @Param('client') client: string) {
    markAuthenticated(request, client);
    const megabyte = Buffer.alloc(1_000_000);
    return new StreamableFile(Readable.from(Array.from({ length: 20 }, () => megabyte)));
  }

  /** Like a client whose secret is checked in the database. */
  @Get('late/:client')
  async takeLate(@Req() request: FastifyRequest, @Param('client') client: string) {
    atWork += 1;
    await released.promise;
    markAuthenticated(request, client);
    return {};
  }
}

@Module({ controllers: [TestController] })
class TestModule {}

let app: NestFastifyApplication;
let lines: { level: string; msg: string; address?: string; client_id?: string; limit?: number }[];
const sockets: Socket[] = [];

/** A service that accepts ten connections, four per address. */
async function start(environment: NodeJS.ProcessEnv = {}): Promise<void> {
  lines = [];
  released = Promise.withResolvers();
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const service = {
    name: 'test',
    configuration: serviceConfiguration,
    module: () => ({ module: TestModule }),
  };
  const limits = { PORT: '0', MAX_CONNECTIONS: '10', CONNECTIONS_PER_ADDRESS: '4' };
  ({ app } = await createService(service, { ...limits, ...environment }, destination));
  await app.listen(0, '127.0.0.1');
}
afterEach(async () => {
  released.resolve({});
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

const port = () => (app.getHttpServer().address() as AddressInfo).port;

/** Opens connections from the address 127.0.0.`last`, one after the other, and sends these bytes on each. */
async function open(last: number, count: number, bytes = ''): Promise<Socket[]> {
  const opened: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect({ port: port(), host: '127.0.0.1', localAddress: `127.0.0.${last}` });
    opened.push(socket.on('error', () => undefined).resume());
    await once(socket, 'connect');
    if (bytes) socket.write(bytes);
    await turn();
  }
  sockets.push(...opened);
  return opened;
}
const json = 'content-type: application/json\r\n';
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: here\r\n\r\n`;

/** The status that a request on a new connection gets; `closed` if there is no response. */
async function ask(last: number): Promise<string> {
  const [socket] = (await open(last, 1)) as [Socket];
  socket.write(get('/here'));
  const [answer] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  return Buffer.isBuffer(answer) ? answer.toString().slice(9, 12) : 'closed';
}
async function use(socket: Socket, path = '/here'): Promise<void> {
  socket.write(get(path));
  await once(socket, 'data');
}

/** Opens connections on which this client is authenticated, and leaves them idle. */
async function openAs(client: string, count: number): Promise<Socket[]> {
  const opened: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const [socket] = (await open(1, 1)) as [Socket];
    await use(socket, `/as/${client}`);
    opened.push(socket);
  }
  return opened;
}

/** Starts a waiting request of the client on each of them. */
async function putToWork(opened: Socket[]): Promise<void> {
  atWork = 0;
  for (const socket of opened) socket.write(get('/as/porter/waiting'));
  await until(() => atWork === opened.length);
}

/** The indexes of those that are closed after a while. */
async function closedOf(opened: Socket[]): Promise<number[]> {
  await sleep(100);
  return opened.flatMap((socket, index) => (socket.destroyed || socket.readyState !== 'open' ? [index] : []));
}
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}
/** Waits until the service has this many connections. */
async function untilWaiting(count: number): Promise<void> {
  while ((await connections()) < count) await sleep(10);
  await sleep(50);
}
const connections = () =>
  new Promise<number>((resolve) => app.getHttpServer().getConnections((_error, count) => resolve(count)));

const dropped = async () => {
  const { body } = await app.get(Management).inject('/metrics');
  const found = body.matchAll(/^http_connections_dropped_total\{.*reason="(\w+)".*\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, reason, count]) => [reason, Number(count)]));
};

describe('an address with its share of connections', () => {
  it('loses its longest idle connection to a new one [connection-share, Lanyard]', async () => {
    await start();
    const opened = await open(1, 4);
    for (const socket of opened.slice(0, 1)) await use(socket);
    expect(await ask(1)).toBe('200');
    expect(await closedOf(opened)).toEqual([1]);
    expect(await ask(1)).toBe('200');
    expect(await closedOf(opened)).toEqual([1, 2]);
    expect(await dropped()).toEqual({ idle: 2 });
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ msg: 'idle connections are closed to make room for others', address: '127.0.0.1' }),
    ]);
  });

  it.each([
    ['a part of the headers', 'GET /here HTTP/1.1\r\nhost: '],
    ['a part of the body', `POST /here HTTP/1.1\r\nhost: here\r\n${json}content-length: 10\r\n\r\n{`],
  ])('also loses one that has sent %s [connection-share, Lanyard]', async (_, bytes) => {
    await start();
    const opened = await open(1, 4, bytes);
    await untilWaiting(4);
    expect(await ask(1)).toBe('200');
    expect(await closedOf(opened)).toEqual([0]);
  });

  it('gets no new connection while all its requests wait, but other addresses do [connection-share, Lanyard]', async () => {
    await start();
    const opened = await open(1, 4, get('/waiting'));
    await untilWaiting(4);
    expect(await ask(1)).toBe('closed');
    expect(await ask(2)).toBe('200');
    expect(await closedOf(opened)).toEqual([]);
    expect(await dropped()).toEqual({ address: 1 });
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        msg: 'new connections are refused: their address already holds CONNECTIONS_PER_ADDRESS',
        address: '127.0.0.1',
        limit: 4,
      }),
    );
    const answers = Promise.all(opened.map((socket) => once(socket, 'data')));
    released.resolve({});
    await answers;
    expect(await ask(1)).toBe('200');
  });

  it.each(['/token', '/client'])(
    'keeps connections as soon as %s was accepted on them, and they no longer count [connection-share, Lanyard]',
    async (path) => {
      await start();
      const authenticated = await open(1, 4, get(path));
      await untilWaiting(4);
      const idle = await open(1, 4);
      expect(await ask(1)).toBe('200');
      expect(await closedOf(idle)).toEqual([0]);
      released.resolve({});
      await Promise.all(authenticated.map((socket) => once(socket, 'data')));
      expect(await ask(1)).toBe('200');
      expect(await closedOf(authenticated)).toEqual([]);
    },
  );

  it('may by default have a thousand long polls and a load test [connection-share, Lanyard]', async () => {
    await start({ MAX_CONNECTIONS: undefined, CONNECTIONS_PER_ADDRESS: undefined });
    const waiting = await open(1, 1000, get('/waiting'));
    const used = await open(1, 128);
    for (const socket of used) await use(socket);
    expect(await closedOf([...waiting, ...used])).toEqual([]);
    expect(await dropped()).toEqual({});
  }, 30_000);

  it('may open a new connection for each one that it closes', async () => {
    await start();
    for (let i = 0; i < 5; i++) {
      const opened = await open(1, 4);
      for (const socket of opened) socket.destroy();
      while ((await connections()) > 0) await sleep(10);
    }
    expect(await dropped()).toEqual({});
  });

  it('may hold more if it is a trusted proxy [connection-share, Lanyard]', async () => {
    await start({ TRUSTED_PROXIES: '127.0.0.1' });
    const behindProxy = await open(1, 8);
    await ask(2);
    expect(await closedOf(behindProxy)).toEqual([]);
    expect(await dropped()).toEqual({});
  });
});

describe('a server at its limit of connections', () => {
  it('accepts a newcomer in place of the longest idle one of the largest address [connection-limit, Lanyard]', async () => {
    await start();
    const [some, most, more] = [await open(2, 3), await open(1, 4), await open(3, 3)];
    expect(await connections()).toBe(10);
    expect(await ask(4)).toBe('200');
    expect(await closedOf(most)).toEqual([0]);
    expect(await closedOf([...some, ...more])).toEqual([]);
  });

  it('closes the longest idle one of another address if the largest has none [connection-limit, Lanyard]', async () => {
    await start();
    const [busy, idle] = [await open(1, 4, get('/waiting')), [...(await open(2, 3)), ...(await open(3, 3))]];
    await untilWaiting(10);
    expect(await ask(4)).toBe('200');
    expect(await closedOf(busy)).toEqual([]);
    expect(await closedOf(idle)).toEqual([0]);
  });

  it('closes newcomers if none is idle, and logs why [connection-limit, Lanyard]', async () => {
    await start();
    const busy = [...(await open(1, 4, get('/waiting'))), ...(await open(2, 4, get('/waiting')))];
    busy.push(...(await open(3, 2, get('/client'))));
    await untilWaiting(10);
    expect(await ask(4)).toBe('closed');
    expect(await closedOf(busy)).toEqual([]);
    expect(await dropped()).toEqual({ server: 1 });
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'new connections are refused: the server already holds MAX_CONNECTIONS' }),
    );
    busy[0]?.destroy();
    while ((await connections()) > 9) await sleep(10);
    expect(await ask(4)).toBe('200');
  });
});

describe('a server whose connections are held by clients', () => {
  const twenty = { MAX_CONNECTIONS: '20' };

  it('accepts a newcomer in place of an idle one of the only client [client-connections, Lanyard]', async () => {
    await start(twenty);
    const opened = await openAs('porter', 20);
    expect(await ask(2)).toBe('200');
    expect(await closedOf(opened)).toEqual([0]);
    expect(await dropped()).toEqual({ client: 1 });
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        msg: 'idle connections of a client are closed to make room for others',
        client_id: 'porter',
      }),
    ]);
  });

  it('accepts many concurrent newcomers before they send a request [client-connections, Lanyard]', async () => {
    await start(twenty);
    const opened = await openAs('porter', 20);
    const newcomers = [...(await open(2, 4)), ...(await open(3, 4))];
    for (const newcomer of newcomers) await use(newcomer);
    expect(await closedOf(opened)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('keeps those of clients while as many are unauthenticated [client-connections, Lanyard]', async () => {
    await start({ ...twenty, CONNECTIONS_PER_ADDRESS: '10' });
    const authenticated = await openAs('porter', 10);
    const idle = await open(2, 10);
    expect(await ask(3)).toBe('200');
    expect(await closedOf(authenticated)).toEqual([]);
    expect(await closedOf(idle)).toEqual([0]);
  });

  it('closes those of the client that holds most [client-connections, Lanyard]', async () => {
    await start(twenty);
    const [some, most] = [await openAs('scout', 8), await openAs('porter', 12)];
    for (let i = 0; i < 3; i++) expect(await ask(2)).toBe('200');
    expect(await closedOf(some)).toEqual([]);
    expect(await closedOf(most)).toEqual([0, 1, 2]);
  });

  it('counts a connection for the client that was authenticated last [client-connections, Lanyard]', async () => {
    await start(twenty);
    const [some, most] = [await openAs('scout', 9), await openAs('porter', 11)];
    for (const socket of most.slice(0, 4)) await use(socket, '/as/scout');
    expect(await ask(2)).toBe('200');
    expect(await closedOf(some)).toEqual([0]);
    expect(await closedOf(most)).toEqual([]);
  });

  it('keeps those with requests in progress [client-connections, Lanyard]', async () => {
    await start(twenty);
    const waiting = await openAs('porter', 19);
    await putToWork(waiting);
    const [idle] = (await openAs('scout', 1)) as [Socket];
    expect(await ask(2)).toBe('200');
    expect(await closedOf([idle, ...waiting])).toEqual([0]);
    const answers = Promise.all(waiting.map((socket) => once(socket, 'data')));
    released.resolve({});
    await answers;
  });

  it('closes newcomers while all others wait for a response [client-connections, Lanyard]', async () => {
    await start(twenty);
    const waiting = await openAs('porter', 20);
    await putToWork(waiting);
    expect(await ask(2)).toBe('closed');
    expect(await closedOf(waiting)).toEqual([]);
    expect(await dropped()).toEqual({ server: 1 });
  });

  const half = `POST /as/porter HTTP/1.1\r\nhost: here\r\n${json}content-length: 10\r\n\r\n{`;
  it.each([
    ['answered an anonymous request', get('/here')],
    ['received a part of the headers', 'GET /here HTTP/1.1\r\nhost: '],
    ['received a part of a body', half],
    ['sent a part of a response', get('/as/porter/large')],
  ])('closes those that have last %s [client-connections, Lanyard]', async (_, bytes) => {
    await start(twenty);
    const opened = await openAs('porter', 20);
    for (const socket of opened) socket.pause().write(bytes);
    await sleep(200);
    for (let i = 0; i < 3; i++) expect(await ask(2)).toBe('200');
    expect(await dropped()).toEqual({ client: 3 });
  });

  it('closes idle ones of a client before its uploads [client-connections, Lanyard]', async () => {
    await start(twenty);
    const opened = await openAs('porter', 20);
    let begun = 0;
    app.getHttpServer().on('request', () => (begun += 1));
    for (const socket of opened.slice(0, 10)) socket.write(half);
    await until(() => begun === 10);
    expect(await ask(2)).toBe('200');
    expect(await closedOf(opened)).toEqual([10]);
  });

  it('forgets one that was closed before its client was authenticated [client-connections, Lanyard]', async () => {
    await start(twenty);
    atWork = 0;
    const left = await open(1, 4, get('/late/porter'));
    await until(() => atWork === 4);
    for (const socket of left) socket.destroy();
    while ((await connections()) > 0) await sleep(10);
    released.resolve({});
    await turn();
    released = Promise.withResolvers();
    const waiting = await openAs('porter', 20);
    await putToWork(waiting);
    expect(await ask(2)).toBe('closed');
    expect(await dropped()).toEqual({ server: 1 });
  });

  it('closes none of a proxy, since it serves many callers [client-connections, Lanyard]', async () => {
    await start({ ...twenty, TRUSTED_PROXIES: '127.0.0.1' });
    const opened = await openAs('porter', 20);
    expect(await ask(2)).toBe('closed');
    expect(await closedOf(opened)).toEqual([]);
  });
});

describe('pipelined requests on one connection', () => {
  it('are at most a hundred before a client is authenticated [pipelined-requests, Lanyard]', async () => {
    await start();
    atWork = 0;
    const [pipelined] = (await open(1, 1, get('/waiting').repeat(5000))) as [Socket];
    await until(() => pipelined.destroyed || atWork > 100);
    expect(atWork).toBeLessThanOrEqual(100);
    expect(await dropped()).toEqual({ requests: 1 });
    expect(await ask(1)).toBe('200');
  });

  it('are unlimited in total while responses keep up [pipelined-requests, Lanyard]', async () => {
    await start();
    const [pipelined] = (await open(1, 1)) as [Socket];
    let answers = 0;
    pipelined.on('data', (chunk) => (answers += String(chunk).split('HTTP/1.1 200').length - 1));
    for (let i = 1; i <= 5; i++) {
      pipelined.write(get('/here').repeat(60));
      await until(() => answers === 60 * i || pipelined.destroyed);
    }
    expect(answers).toBe(300);
  });

  it('are unlimited after a client is authenticated [pipelined-requests, Lanyard]', async () => {
    await start();
    const [pipelined] = (await open(1, 1, get('/client'))) as [Socket];
    await untilWaiting(1);
    atWork = 0;
    pipelined.write(get('/waiting').repeat(300));
    await until(() => atWork === 300 || pipelined.destroyed);
    expect(atWork).toBe(300);
  });
});

describe('a server with TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lanyard-shares-'));
  const files = {
    TLS_CERTIFICATE_FILE: join(directory, 'tls.crt'),
    TLS_PRIVATE_KEY_FILE: join(directory, 'tls.key'),
  };
  let ca: string;
  beforeAll(async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'here' }], { keyType: 'ec' });
    writeFileSync(files.TLS_CERTIFICATE_FILE, cert);
    writeFileSync(files.TLS_PRIVATE_KEY_FILE, key);
    ca = cert;
  });
  const openTls = async (path: string) => {
    const socket = connectTls({ port: port(), host: '127.0.0.1', ca, checkServerIdentity: () => undefined });
    sockets.push(socket.on('error', () => undefined));
    await once(socket, 'secureConnect');
    socket.resume().write(get(path));
    return socket;
  };

  it('counts connections from their first packet, and keeps those on which a token was accepted [connection-share, Lanyard]', async () => {
    await start(files);
    const authenticated = [await openTls('/token'), await openTls('/token')];
    await untilWaiting(2);
    const silent = await open(1, 4);
    const newcomer = await openTls('/here');
    await once(newcomer, 'data');
    expect(await closedOf(silent)).toEqual([0]);
    expect(await closedOf(authenticated)).toEqual([]);
    await openTls('/here');
    expect(await closedOf([...silent, ...authenticated, newcomer])).toEqual([0, 1]);
  });

  it('accepts a newcomer in place of an idle one of a client, not of a waiting one [client-connections, Lanyard]', async () => {
    await start(files);
    const opened: Socket[] = [];
    for (let i = 0; i < 10; i++) {
      const socket = await openTls('/as/porter');
      await once(socket, 'data');
      opened.push(socket);
    }
    await putToWork(opened.slice(0, 6));
    const newcomer = await openTls('/here');
    await once(newcomer, 'data');
    expect(await closedOf(opened)).toEqual([6]);
    const answers = Promise.all(opened.slice(0, 6).map((socket) => once(socket, 'data')));
    released.resolve({});
    await answers;
  });
});

import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import Fastify from 'fastify';
import { batchPerTick } from './batch-per-tick.ts';

const fastify = Fastify({ forceCloseConnections: true });
afterEach(() => fastify.close());

it('runs each step for all requests that arrived together before the next step', async () => {
  batchPerTick(fastify);
  const steps: string[] = [];
  fastify.get('/', async () => {
    steps.push('first');
    await Promise.resolve();
    steps.push('second');
    return {};
  });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  const { port } = fastify.server.address() as AddressInfo;
  const sockets = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const requestAll = async () => {
    for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
  };
  // Connections are accepted one by one; on open connections, requests arrive together.
  await requestAll();
  steps.length = 0;
  await requestAll();
  expect(steps).toEqual([...Array<string>(3).fill('first'), ...Array<string>(3).fill('second')]);
});

import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { expect, it, jest } from '@jest/globals';
import type { FastifyReply } from 'fastify';
import { WaitingRequests } from './waiting-requests.ts';

it('does not wait for a connection that was closed before [waiting-requests, RFC 7240 §4.3]', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
  const [, raw] = (await once(server, 'request')) as [unknown, ServerResponse];
  const closed = once(raw, 'close');
  socket.destroy();
  await closed;
  const waiting = new WaitingRequests();
  const ended = jest.fn();
  void waiting.wait(60, { raw, header: () => undefined } as unknown as FastifyReply).then(ended);
  await new Promise(setImmediate);
  expect(ended).toHaveBeenCalled();
  waiting.stop();
  server.close();
});

import { createServer, type ServerResponse } from 'node:http';
import { EventEmitter, once } from 'node:events';
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
  void waiting.wait(60, 'caller', { raw, header: () => undefined } as unknown as FastifyReply).then(ended);
  await new Promise(setImmediate);
  expect(ended).toHaveBeenCalled();
  waiting.stop();
  server.close();
});

it('leaves places to other callers if one takes all of its places [waiting-places, Lanyard]', async () => {
  const waiting = new WaitingRequests();
  const begin = (caller: string) => {
    const raw = Object.assign(new EventEmitter().setMaxListeners(0), { destroyed: false });
    const reply = { raw, header: jest.fn() } as unknown as FastifyReply;
    const ended = waiting.wait(60, caller, reply);
    return { raw, reply, ended };
  };
  const first = begin('greedy');
  const own = Array.from({ length: 999 }, () => begin('greedy'));
  const excess = begin('greedy');
  await excess.ended;
  expect(excess.reply.header).not.toHaveBeenCalled();
  const other = begin('modest');
  first.raw.emit('close');
  await first.ended;
  const again = begin('greedy');
  waiting.stop();
  await Promise.all([first, ...own, other, again].map(({ ended }) => ended));
  for (const { reply } of [other, again]) expect(reply.header).toHaveBeenCalledWith('preference-applied', 'wait=60');
});

import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Sends a request whose body arrives in pieces of one byte, and does not end.
 * @param headers  lines, each with its line break
 * @param bytes  the number of bytes to send
 * @returns how many of the pieces are still in memory after all have been read
 */
export async function piecesKept(server: Server, path: string, headers: string, bytes: number): Promise<number> {
  const pieces = piecesOfNext(server);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(`POST ${path} HTTP/1.1\r\nhost: here\r\n${headers}transfer-encoding: chunked\r\n\r\n`);
  socket.write('1\r\n[\r\n'.repeat(bytes));
  for (let attempts = 0; pieces.length < bytes; attempts++) {
    if (attempts > 500) throw new Error(`${pieces.length} of ${bytes} pieces arrived`);
    await sleep(10);
  }
  const kept = await leftOf(pieces);
  socket.destroy();
  return kept;
}

/** The pieces of the next request, added as they arrive. */
export function piecesOfNext(server: Server): WeakRef<Buffer>[] {
  const pieces: WeakRef<Buffer>[] = [];
  server.prependOnceListener('request', (request: IncomingMessage) => {
    const push = request.push.bind(request);
    request.push = (piece: Buffer | null) => {
      if (piece) pieces.push(new WeakRef(piece));
      return push(piece);
    };
  });
  return pieces;
}

/** How many of these are still in use after a garbage collection. */
export async function leftOf(references: readonly WeakRef<object>[]): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  // The target of a new reference is kept until the end of the turn.
  for (let i = 0; i < 3; i++) {
    await turn();
    collect({ type: 'major', execution: 'sync' });
  }
  return references.filter((reference) => reference.deref() !== undefined).length;
}

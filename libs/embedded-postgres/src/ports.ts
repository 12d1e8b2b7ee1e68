import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range for outgoing connections, which could take a port before the service listens on it. */
const [first, last] = [10_000, 32_767];
let next = randomInt(first, last + 1);

/**
 * @returns a port of 127.0.0.1 on which nothing listens; a different one each time
 * @throws if no port is free
 */
export async function freePort(): Promise<number> {
  for (let tries = first; tries <= last; tries++) {
    const port = next;
    next = port === last ? first : port + 1;
    if (!(await portTaken(port))) return port;
  }
  throw new Error('no port is free');
}

/** @returns whether this port of 127.0.0.1 is in use */
export async function portTaken(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listening) await new Promise((resolve) => server.close(resolve));
  return !listening;
}

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Not one that the system may give to a connection before the service listens: those begin at 32768 or above. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(10_000, 32_768);
    if (!(await portTaken(port))) return port;
  }
  throw new Error('no port is free');
}

export async function portTaken(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listening) await new Promise((resolve) => server.close(resolve));
  return !listening;
}

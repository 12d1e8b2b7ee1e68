import { describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import { freePort, portTaken } from './ports.ts';

describe('a free port', () => {
  it('is outside the range for outgoing connections', async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
    expect(Math.max(...ports)).toBeLessThan(32_768);
  });

  it('is different each time', async () => {
    const ports = await Promise.all(Array.from({ length: 500 }, () => freePort()));
    expect(new Set(ports).size).toBe(500);
  });

  it('is taken once a server listens there', async () => {
    const port = await freePort();
    expect(await portTaken(port)).toBe(false);
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
    expect(await portTaken(port)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that should never receive a request. */
export interface Canary {
  url: string;
  /** the requests received */
  requests: string[];
  stop: () => Promise<void>;
}

/** @param keys  the JWK Set that it serves */
export async function startCanary(keys: () => object): Promise<Canary> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(keys()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

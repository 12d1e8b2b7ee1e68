import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { RouteOptions } from 'fastify';

export interface Route {
  method: string;
  url: string;
}

/**
 * Collects the routes of an application that are not public; call it before the application has routes.
 * @param isOther  whether a route is allowed to have no controller
 */
export function guardedRoutesOf(app: NestFastifyApplication, isOther: (url: string) => boolean = () => false): Route[] {
  const routes: Route[] = [];
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', ({ method, url, config }: RouteOptions) => {
      const served = Reflect.get(config ?? {}, Symbol.for('lanyard:route-handler')) as
        | { handler: object; controller: object }
        | undefined;
      const rules = [served?.handler, served?.controller].map(
        (one): object | undefined => one && Reflect.getMetadata(Symbol.for('lanyard:access-rule'), one),
      );
      const isPublic = 'public' in (rules[0] ?? rules[1] ?? {});
      if (isPublic || (!served && isOther(url))) return;
      for (const each of [method].flat()) routes.push({ method: each, url: url.replaceAll(/:\w+/g, 'x') });
    });
  return routes;
}

/** Listens on a free port, and counts the bytes that are read from each connection. */
export async function listening(app: NestFastifyApplication) {
  await app.listen(0, '127.0.0.1');
  const server: Server = app.getHttpServer();
  const { port } = server.address() as AddressInfo;
  return {
    flood: (route: Route, headers = '') => flood(server, route, headers),
    /** Sends only headers, and waits for the first lines of the response. */
    async expectContinue({ method, url }: Route, headers = ''): Promise<string> {
      const socket = connect(port, '127.0.0.1');
      socket.write(
        `${method} ${url} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 2\r\n` +
          `expect: 100-continue\r\n${headers}\r\n`,
      );
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return answer.toString();
    },
  };
}

/**
 * Sends a request whose body is larger than any limit, as fast as the server reads it.
 * @param headers  lines, each with its line break
 * @returns the response, and how many bytes the server read from the connection before it stopped
 */
export async function flood(server: Server, { method, url }: Route, headers = '') {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  const [serverSocket] = await accepted;
  socket.write(
    `${method} ${url} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: ${size}\r\n${headers}\r\n`,
  );
  // An unbounded parser would take long for this.
  socket.write(Buffer.alloc(size, '['));
  const answer = await text(socket);
  const taken = await settled(() => serverSocket.bytesRead);
  socket.destroy();
  serverSocket.destroy();
  return { answer, taken };
}

async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count(); await sleep(30)) before = count();
  return count();
}

/** Bytes; more than any route accepts. */
const size = 16 * 1024 * 1024;

/**
 * How much may be read from a connection whose request is refused, bytes: the rest of the read that had the headers,
 * and another 64 KiB.
 */
export const maxBytesTaken = 2 * 64 * 1024;

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What an address or a client holds: its connections, those of an address the longest idle first. */
interface Share {
  holder: string;
  connections: Set<Connection>;
  shares: ConnectionShares;
}

/** A connection that counts for an address or, once a client was authenticated on it, for that client. */
export interface Connection {
  socket: Socket;
  /** that requests come in on: over TLS, one on top of `socket` */
  http: Socket & { _httpMessage?: ServerResponse | null };
  share?: Share | undefined;
  /** where it counts once a client is authenticated */
  clients: ConnectionShares;
  clientId?: string | undefined;
  /** how many requests are at work, before a client is authenticated */
  underWay: number;
}

/** No request is under way: Node keeps the response there, and `closeIdleConnections` looks for it there as well. */
const isIdle = ({ http: { _httpMessage: response } }: Connection): boolean => !response;

/** It is idle, or has not received the whole request, or its caller does not take the answer. */
function waitsForCaller({ http: { _httpMessage: response } }: Connection): boolean {
  return !response || !response.req.complete || response.writableEnded || response.writableNeedDrain;
}

/** Which addresses, or clients, hold the connections of a server, and which connection is to go first. */
export class ConnectionShares {
  /** of all addresses, or clients */
  size = 0;
  private readonly shares = new Map<string, Share>();

  /** How many connections this address or client holds. */
  sizeOf(holder: string): number {
    return this.shares.get(holder)?.connections.size ?? 0;
  }

  /** It counts here from now on, and no longer where it did before. */
  add(connection: Connection, holder: string): void {
    connection.share?.shares.remove(connection);
    let share = this.shares.get(holder);
    if (!share) this.shares.set(holder, (share = { holder, connections: new Set(), shares: this }));
    share.connections.add(connection);
    connection.share = share;
    this.size += 1;
  }

  remove(connection: Connection): void {
    const { share } = connection;
    if (!share) return;
    connection.share = undefined;
    share.connections.delete(connection);
    this.size -= 1;
    if (share.connections.size === 0) this.shares.delete(share.holder);
  }

  longestIdleOf(holder: string): Connection | undefined {
    return firstOf(this.shares.get(holder)?.connections ?? [], waitsForCaller);
  }

  /** The first one like this of the address or client that holds most, of those that have one. */
  firstOfLargest(isLikeThis: (connection: Connection) => boolean): Connection | undefined {
    let found: Connection | undefined;
    for (const { connections } of this.shares.values()) {
      if (connections.size > held(found)) found = firstOf(connections, isLikeThis) ?? found;
    }
    return found;
  }
}

/** It is idle from now on. */
export function rest(connection: Connection): void {
  const connections = connection.share?.connections;
  if (connections?.delete(connection)) connections.add(connection);
}

/**
 * The connection that makes room on a full server. All callers who were not authenticated count as one client here: they
 * may be newcomers, who would otherwise close each other's connections before they could send a request.
 */
export function connectionToClose(addresses: ConnectionShares, clients: ConnectionShares): Connection | undefined {
  const anonymous = addresses.firstOfLargest(waitsForCaller);
  const idle = clients.firstOfLargest(isIdle);
  const waiting = clients.firstOfLargest(waitsForCaller);
  const client = held(waiting) > held(idle) ? waiting : idle;
  return anonymous && addresses.size >= held(client) ? anonymous : client;
}

/** How many connections its address or client holds. */
function held(connection: Connection | undefined): number {
  return connection?.share?.connections.size ?? 0;
}

function firstOf(
  connections: Iterable<Connection>,
  isLikeThis: (connection: Connection) => boolean,
): Connection | undefined {
  for (const connection of connections) if (isLikeThis(connection)) return connection;
  return undefined;
}

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of an address or a client; of the idle ones of an address, the longest idle comes first. */
interface Share {
  holder: string;
  connections: Set<Connection>;
  shares: ConnectionShares;
}

/** A connection that counts for an address or, once a client was authenticated on it, for that client. */
export interface Connection {
  socket: Socket;
  /** the socket on which requests arrive: over TLS, one on top of `socket` */
  http: Socket & { _httpMessage?: ServerResponse | null };
  share?: Share | undefined;
  /** the shares to which it belongs once a client is authenticated */
  clients: ConnectionShares;
  clientId?: string | undefined;
  /** the number of requests in progress, before a client is authenticated */
  requestsInProgress: number;
}

/** Whether no request is in progress: Node keeps its response in this property, which `closeIdleConnections` checks. */
const isIdle = ({ http: { _httpMessage: response } }: Connection): boolean => !response;

/** Whether the caller has to act: it has sent no request, or only a part of one, or does not read the response. */
function waitsForCaller({ http: { _httpMessage: response } }: Connection): boolean {
  return !response || !response.req.complete || response.writableEnded || response.writableNeedDrain;
}

/** The connections of a server by address, or by client, and the next one to close. */
export class ConnectionShares {
  /** the number of all connections */
  size = 0;
  private readonly shares = new Map<string, Share>();

  /** The number of connections of this address or client. */
  sizeOf(holder: string): number {
    return this.shares.get(holder)?.connections.size ?? 0;
  }

  /** Counts the connection for this holder, and no longer for its former one. */
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

  /** The first matching connection of the largest holder that has one. */
  firstOfLargest(matches: (connection: Connection) => boolean): Connection | undefined {
    let found: Connection | undefined;
    for (const { connections } of this.shares.values()) {
      if (connections.size > shareSizeOf(found)) found = firstOf(connections, matches) ?? found;
    }
    return found;
  }
}

/** Moves a connection that becomes idle to the end of its share. */
export function markIdle(connection: Connection): void {
  const connections = connection.share?.connections;
  if (connections?.delete(connection)) connections.add(connection);
}

/**
 * The connection to close on a full server. All unauthenticated callers together count as one client here: they may be
 * newcomers, who would otherwise close each other's connections before they could send a request.
 */
export function connectionToClose(addresses: ConnectionShares, clients: ConnectionShares): Connection | undefined {
  const anonymous = addresses.firstOfLargest(waitsForCaller);
  const idle = clients.firstOfLargest(isIdle);
  const waiting = clients.firstOfLargest(waitsForCaller);
  const client = shareSizeOf(waiting) > shareSizeOf(idle) ? waiting : idle;
  return anonymous && addresses.size >= shareSizeOf(client) ? anonymous : client;
}

/** The number of connections of the address or client that holds this one. */
function shareSizeOf(connection: Connection | undefined): number {
  return connection?.share?.connections.size ?? 0;
}

function firstOf(
  connections: Iterable<Connection>,
  matches: (connection: Connection) => boolean,
): Connection | undefined {
  for (const connection of connections) if (matches(connection)) return connection;
  return undefined;
}

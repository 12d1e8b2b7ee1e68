import type { Socket } from 'node:net';

/** What an address holds: its connections on which nothing was authenticated so far, the longest idle first. */
interface Share {
  network: string;
  connections: Set<Anonymous>;
}

/** A connection on which nothing was authenticated so far. */
export interface Anonymous {
  socket: Socket;
  share: Share;
  shares: ConnectionShares;
  /** how many requests are at work */
  underWay: number;
  /** of its latest request, until that is answered */
  response?: { req: { complete: boolean } } | undefined;
}

/** Which addresses hold the anonymous connections of a server, and which connection is to go first. */
export class ConnectionShares {
  private readonly shares = new Map<string, Share>();

  /** How many connections this network holds. */
  sizeOf(network: string): number {
    return this.shares.get(network)?.connections.size ?? 0;
  }

  add(socket: Socket, network: string): Anonymous {
    let share = this.shares.get(network);
    if (!share) this.shares.set(network, (share = { network, connections: new Set() }));
    const connection = { socket, share, shares: this, underWay: 0 };
    share.connections.add(connection);
    return connection;
  }

  remove(connection: Anonymous): void {
    const { network, connections } = connection.share;
    if (connections.delete(connection) && connections.size === 0) this.shares.delete(network);
  }

  /** It is idle from now on. */
  rest(connection: Anonymous): void {
    connection.response = undefined;
    const { connections } = connection.share;
    if (connections.delete(connection)) connections.add(connection);
  }

  longestIdleOf(network: string): Anonymous | undefined {
    return longestIdle(this.shares.get(network)?.connections ?? []);
  }

  /** The longest idle one of the network that holds most, of those that have an idle one. */
  longestIdleOfLargest(): Anonymous | undefined {
    let found: Anonymous | undefined;
    let most = 0;
    for (const { connections } of this.shares.values()) {
      if (connections.size <= most) continue;
      const idle = longestIdle(connections);
      if (!idle) continue;
      found = idle;
      most = connections.size;
    }
    return found;
  }
}

/** While a request is still coming in, nothing is done for it: such a connection is idle as well. */
function longestIdle(connections: Iterable<Anonymous>): Anonymous | undefined {
  for (const connection of connections) if (!connection.response?.req.complete) return connection;
  return undefined;
}

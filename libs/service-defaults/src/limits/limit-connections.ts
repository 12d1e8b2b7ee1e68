import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { ServiceConfiguration } from '../configuration/common-configuration.ts';
import { connectionToClose, ConnectionShares, rest, type Connection } from './connection-shares.ts';
import { network } from './network.ts';

const counted = Symbol('counted connection');
type MarkedSocket = Socket & { [counted]?: Connection | undefined };
type MarkedRequest = IncomingMessage & { socket: MarkedSocket };

/** Requests under way at a time on a connection on which nothing was authenticated: HTTP/1.1 lets callers send them ahead. */
const pipelinedAtMost = 100;

interface Options {
  configuration: Pick<ServiceConfiguration, 'MAX_CONNECTIONS' | 'CONNECTIONS_PER_ADDRESS'>;
  /** whether an address is a proxy's: its connections carry the requests of many callers, so they count for none of them */
  isProxy: (address: string) => boolean;
  logger: Logger;
  metrics: Registry;
}

/**
 * Closes connections beyond MAX_CONNECTIONS, and beyond the share that an address may hold of them before anything is
 * authenticated on them. Idle ones go first, so that newcomers find room (docs/decisions/0018).
 */
export function limitConnections(fastify: FastifyInstance, { configuration, isProxy, logger, metrics }: Options): void {
  const { MAX_CONNECTIONS: limit, CONNECTIONS_PER_ADDRESS: share } = configuration;
  const open = new Set<Socket>();
  const addresses = new ConnectionShares();
  const clients = new ConnectionShares();
  const report = reporter({ limit, share, logger, metrics });

  const forget = (socket: MarkedSocket): void => {
    open.delete(socket);
    const connection = socket[counted];
    connection?.share?.shares.remove(connection);
  };
  /** @returns whether there was one to close */
  const evict = (idle: Connection | undefined): boolean => {
    if (!idle) return false;
    const { clientId, share: of, socket } = idle;
    if (clientId === undefined) report('idle', { address: of?.holder });
    else report('client', { client_id: clientId });
    socket.destroy();
    forget(socket);
    return true;
  };
  /** @returns why there is no room for one more from there */
  const makeRoom = (place: string | undefined): Reason | undefined => {
    if (place !== undefined && addresses.sizeOf(place) >= share && !evict(addresses.longestIdleOf(place))) {
      return 'address';
    }
    if (open.size >= limit && !evict(connectionToClose(addresses, clients))) return 'server';
    return undefined;
  };

  // As soon as it is accepted, so that TLS handshakes count as well.
  fastify.server.on('connection', (socket: MarkedSocket) => {
    const { remoteAddress = '' } = socket;
    const place = isProxy(remoteAddress) ? undefined : network(remoteAddress);
    const reason = makeRoom(place);
    if (reason) {
      report(reason, { address: place });
      socket.destroy();
      return;
    }
    open.add(socket);
    if (place !== undefined) {
      const connection = { socket, http: socket, share: undefined, clients, clientId: undefined, underWay: 0 };
      socket[counted] = connection;
      addresses.add(connection, place);
    }
    socket.once('close', () => forget(socket));
  });
  fastify.server.on('secureConnection', (socket: MarkedSocket) => {
    // As Node keeps the connection that TLS is spoken on.
    const connection = (Reflect.get(socket, '_parent') as MarkedSocket | undefined)?.[counted];
    if (!connection) return;
    socket[counted] = connection;
    connection.http = socket;
  });
  beforeRequests(fastify, ({ socket }, response) => {
    const connection = socket[counted];
    if (!connection || connection.clientId !== undefined) return true;
    // Those that came with the same read still follow the one that was too much.
    if (socket.destroyed) return false;
    if (connection.underWay === pipelinedAtMost) {
      report('requests', { address: connection.share?.holder });
      socket.destroy();
      return false;
    }
    connection.underWay += 1;
    response.once('close', () => {
      connection.underWay -= 1;
      if (connection.underWay === 0) rest(connection);
    });
    return true;
  });
  markUsers(fastify);
}

/** Another listener of the server could not keep a request from Fastify's. */
function beforeRequests(
  { server }: FastifyInstance,
  isTaken: (request: MarkedRequest, response: ServerResponse) => boolean,
): void {
  const [handle] = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on('request', (request: MarkedRequest, response) => {
    if (isTaken(request, response)) handle!(request, response);
  });
}

/** The connection of a request on which this client, or its access token, was accepted counts for the client from now on. */
export function markAuthenticated({ raw }: FastifyRequest, clientId: string): void {
  const socket: MarkedSocket = raw.socket;
  const connection = socket[counted];
  if (!connection || connection.clientId === clientId) return;
  // Nothing would remove it again.
  if (connection.socket.destroyed) return;
  connection.clientId = clientId;
  connection.clients.add(connection, clientId);
}

const user = Symbol('user');
type WithUser = FastifyRequest & { [user]?: { clientId: string } };

/** Any guard that sets `request.user` has authenticated the caller. This is noted at once, since a long poll may be answered much later. */
function markUsers(fastify: FastifyInstance): void {
  fastify.decorateRequest('user', {
    getter(this: WithUser) {
      return this[user];
    },
    setter(this: WithUser, value: WithUser[typeof user]): void {
      this[user] = value;
      if (value) markAuthenticated(this, value.clientId);
    },
  });
}

type Reason = 'idle' | 'client' | 'address' | 'server' | 'requests';
/** Whose connection it was. */
type Holder = { address: string | undefined } | { client_id: string };

/** Counts what is closed, and says why in the log, once a minute for each reason. */
function reporter({
  limit,
  share,
  logger,
  metrics,
}: {
  limit: number;
  share: number;
  logger: Logger;
  metrics: Registry;
}): (reason: Reason, holder: Holder) => void {
  const dropped = new Counter({
    name: 'http_connections_dropped_total',
    help: 'connections that were closed: an idle one to make room (idle, or client where one was authenticated on it), a new one, since its address has its share (address) or there are MAX_CONNECTIONS (server), or one with too many requests under way (requests)',
    labelNames: ['reason'] as const,
    registers: [metrics],
  });
  const said = new Map<Reason, number>();
  const messages = {
    idle: { msg: 'idle connections are closed to make room for others' },
    client: { msg: 'idle connections of a client are closed to make room for others' },
    address: {
      msg: 'new connections are refused: their address already holds CONNECTIONS_PER_ADDRESS',
      limit: share,
    },
    server: { msg: 'new connections are refused: the server already holds MAX_CONNECTIONS', limit },
    requests: {
      msg: 'connections are closed: too many requests were under way on each before anything was authenticated',
      limit: pipelinedAtMost,
    },
  };
  return (reason, holder) => {
    dropped.inc({ reason });
    const now = performance.now();
    if (now - (said.get(reason) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    said.set(reason, now);
    logger.warn({ ...messages[reason], ...holder });
  };
}

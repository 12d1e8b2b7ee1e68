import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Counter, type Registry as MetricsRegistry } from 'prom-client';
import type { ServiceConfiguration } from '../configuration/common-configuration.ts';
import { connectionToClose, ConnectionShares, markIdle, type Connection } from './connection-shares.ts';
import { network } from './network.ts';

const counted = Symbol('counted connection');
type MarkedSocket = Socket & { [counted]?: Connection | undefined };
type MarkedRequest = IncomingMessage & { socket: MarkedSocket };

/** The maximum number of requests in progress on an unauthenticated connection: HTTP/1.1 allows pipelining. */
const maxPipelined = 100;

interface Options {
  configuration: Pick<ServiceConfiguration, 'MAX_CONNECTIONS' | 'CONNECTIONS_PER_ADDRESS'>;
  /** whether an address is a proxy's: its connections carry the requests of many callers, so they count for none */
  isProxy: (address: string) => boolean;
  logger: Logger;
  metrics: MetricsRegistry;
}

/**
 * Closes connections over MAX_CONNECTIONS, and over the share of unauthenticated connections that an address may hold.
 * Idle ones are closed first, to make room for newcomers (docs/decisions/0018).
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
  /** @returns whether there was a connection to close */
  const evict = (connection: Connection | undefined): boolean => {
    if (!connection) return false;
    const { clientId, socket } = connection;
    if (clientId === undefined) report('idle', { address: connection.share?.holder });
    else report('client', { client_id: clientId });
    socket.destroy();
    forget(socket);
    return true;
  };
  /** @returns why there is no room for another connection from there */
  const makeRoom = (place: string | undefined): Reason | undefined => {
    if (place !== undefined && addresses.sizeOf(place) >= share && !evict(addresses.longestIdleOf(place))) {
      return 'address';
    }
    if (open.size >= limit && !evict(connectionToClose(addresses, clients))) return 'server';
    return undefined;
  };

  // At once when a connection is accepted, so that TLS handshakes count too.
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
      const connection = {
        socket,
        http: socket,
        share: undefined,
        clients,
        clientId: undefined,
        requestsInProgress: 0,
      };
      socket[counted] = connection;
      addresses.add(connection, place);
    }
    socket.once('close', () => forget(socket));
  });
  fastify.server.on('secureConnection', (socket: MarkedSocket) => {
    // Node keeps the connection below TLS in this property.
    const connection = (Reflect.get(socket, '_parent') as MarkedSocket | undefined)?.[counted];
    if (!connection) return;
    socket[counted] = connection;
    connection.http = socket;
  });
  beforeRequests(fastify, ({ socket }, response) => {
    const connection = socket[counted];
    if (!connection || connection.clientId !== undefined) return true;
    // Requests of the same read still arrive after the one over the limit.
    if (socket.destroyed) return false;
    if (connection.requestsInProgress === maxPipelined) {
      report('requests', { address: connection.share?.holder });
      socket.destroy();
      return false;
    }
    connection.requestsInProgress += 1;
    response.once('close', () => {
      connection.requestsInProgress -= 1;
      if (connection.requestsInProgress === 0) markIdle(connection);
    });
    return true;
  });
  markAuthenticatedCallers(fastify);
}

/** Wraps Fastify's listener: another listener could not keep a request from it. */
function beforeRequests(
  { server }: FastifyInstance,
  isAccepted: (request: MarkedRequest, response: ServerResponse) => boolean,
): void {
  const [handle] = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on('request', (request: MarkedRequest, response) => {
    if (isAccepted(request, response)) handle!(request, response);
  });
}

/** Counts the connection of a request for this client from now on: its secret or its access token was accepted. */
export function markAuthenticated({ raw }: FastifyRequest, clientId: string): void {
  const socket: MarkedSocket = raw.socket;
  const connection = socket[counted];
  if (!connection || connection.clientId === clientId) return;
  // It is closed already: nothing would remove it again.
  if (connection.socket.destroyed) return;
  connection.clientId = clientId;
  connection.clients.add(connection, clientId);
}

const user = Symbol('user');
type WithUser = FastifyRequest & { [user]?: { clientId: string } };

/**
 * A guard that sets `request.user` has authenticated the caller. The connection is marked at once, since a long poll
 * may be answered much later.
 */
function markAuthenticatedCallers(fastify: FastifyInstance): void {
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
/** The holder of a connection. */
type Holder = { address: string | undefined } | { client_id: string };

/** Counts the closed connections, and logs each reason at most once a minute. */
function reporter({
  limit,
  share,
  logger,
  metrics,
}: {
  limit: number;
  share: number;
  logger: Logger;
  metrics: MetricsRegistry;
}): (reason: Reason, holder: Holder) => void {
  const dropped = new Counter({
    name: 'http_connections_dropped_total',
    help: 'closed connections: an idle one to make room (idle, or client if a client was authenticated on it), a new one over the share of its address (address) or over MAX_CONNECTIONS (server), or one with too many requests in progress (requests)',
    labelNames: ['reason'] as const,
    registers: [metrics],
  });
  const loggedAt = new Map<Reason, number>();
  const messages = {
    idle: { msg: 'idle connections are closed to make room for others' },
    client: { msg: 'idle connections of a client are closed to make room for others' },
    address: {
      msg: 'new connections are refused: their address already holds CONNECTIONS_PER_ADDRESS',
      limit: share,
    },
    server: { msg: 'new connections are refused: the server already holds MAX_CONNECTIONS', limit },
    requests: {
      msg: 'connections are closed: too many requests were in progress on each before authentication',
      limit: maxPipelined,
    },
  };
  return (reason, holder) => {
    dropped.inc({ reason });
    const now = performance.now();
    if (now - (loggedAt.get(reason) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    loggedAt.set(reason, now);
    logger.warn({ ...messages[reason], ...holder });
  };
}

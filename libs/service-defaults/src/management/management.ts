import type { Server } from 'node:net';
import { HttpException, NotFoundException } from '@nestjs/common';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { Registry as MetricsRegistry } from 'prom-client';
import { refuseOtherMethods } from '../allowed-methods.ts';
import type { ServiceConfiguration } from '../configuration/common-configuration.ts';
import { ConfigurationError } from '../configuration/startup-error.ts';
import type { Health } from '../health/health.module.ts';
import { limitConnections } from '../limits/limit-connections.ts';
import { answerUnreadable, highWaterMark, limitHeaders } from '../limits/limits.ts';
import { leaveBodiesUnread, leaveUnread } from '../limits/unread-bodies.ts';
import { logRequests, requestIdOf } from '../logging/request-log.ts';
import { listeningUrl } from '../listening-url.ts';
import { problemOf } from '../problem/problem.filter.ts';
import { securityHeaders } from '../security-headers.ts';
import { logServerErrors } from '../uncaught-errors.ts';

const limits = {
  // No request here has a body.
  bodyLimit: 1024,
  requestTimeout: 5000,
  // Longer than most pauses between two scrapes.
  connectionTimeout: 75_000,
  keepAliveTimeout: 70_000,
  http: { maxHeaderSize: 8 * 1024, headersTimeout: 5000, connectionsCheckingInterval: 1000, highWaterMark },
};
const connections = { MAX_CONNECTIONS: 100, CONNECTIONS_PER_ADDRESS: 50 };

/**
 * Health and metrics, at a separate listener: it answers even while the public one is busy, and the details that it
 * reveals are not public (docs/decisions/0018).
 */
export class Management {
  private readonly fastify: FastifyInstance;

  constructor(
    private readonly health: Health,
    metrics: MetricsRegistry,
    private readonly logger: Logger,
  ) {
    const management = fastify({
      ...limits,
      genReqId: requestIdOf,
      forceCloseConnections: true,
      clientErrorHandler: answerUnreadable(logger),
      frameworkErrors: (_error, request, reply) => {
        leaveUnread(request, reply);
        answer(reply, nothing());
      },
    });
    this.fastify = management;
    // Counted separately: the metrics count only the public connections.
    limitConnections(management, {
      configuration: connections,
      isProxy: () => false,
      logger: logger.child({ listener: 'management' }),
      metrics: new MetricsRegistry(),
    });
    logRequests(management, logger);
    limitHeaders(management);
    management.addHook('onRequest', (_request, reply, done) => {
      reply.headers({ ...securityHeaders, 'cache-control': 'no-store' });
      done();
    });
    refuseOtherMethods(management);
    // Before a body is read.
    management.addHook('onRequest', (request, _reply, done) => done(request.is404 ? nothing() : undefined));
    leaveBodiesUnread(management);
    management.setErrorHandler((error, { id }, reply) => {
      if (problemOf(error).status >= 500 && !(error instanceof HttpException)) {
        logger.error({ msg: 'request failed', request_id: id, err: error });
      }
      answer(reply, error);
    });
    management.get('/health/live', () => health.live());
    management.get('/health/ready', () => health.ready());
    management.get('/metrics', async (_request, reply) => {
      void reply.type(MetricsRegistry.PROMETHEUS_CONTENT_TYPE);
      return metrics.metrics();
    });
  }

  /** The response at this path, without a port: for tests. */
  inject(path: string) {
    return this.fastify.inject(path);
  }

  /**
   * @param server  the public server: from now on, readiness waits for it
   * @returns the address
   */
  async listen(server: Server, { PORT, MANAGEMENT_PORT: port, MANAGEMENT_HOST: host }: ServiceConfiguration) {
    if (port === PORT && port !== 0) throw new ConfigurationError('MANAGEMENT_PORT must be another port than PORT');
    this.health.follow(server);
    await this.fastify.listen({ host, port }).catch((error: unknown) => {
      throw Object.assign(error as Error, { isManagement: true });
    });
    logServerErrors(this.fastify.server, this.logger);
    return listeningUrl(this.fastify.server);
  }

  /** Reports from now on that the service is not ready, until it is closed. */
  stopping(): void {
    this.health.stop();
  }

  close(): Promise<void> {
    return this.fastify.close();
  }
}

const nothing = () => new NotFoundException('no resource matches this path');

function answer(reply: FastifyReply, error: unknown): void {
  const problem = problemOf(error);
  void reply.status(problem.status).headers(securityHeaders).type('application/problem+json').send(problem);
}

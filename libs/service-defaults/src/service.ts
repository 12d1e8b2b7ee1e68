import { STATUS_CODES } from 'node:http';
import type { Server as TlsServer } from 'node:tls';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DestinationStream, Logger } from 'pino';
import type { z } from 'zod';
import { refuseOtherMethods } from './allowed-methods.ts';
import { collectGarbage } from './collect-garbage.ts';
import type { ServiceConfiguration } from './configuration/common-configuration.ts';
import { CONFIGURATION, readConfiguration, renamedSettings } from './configuration/read-configuration.ts';
import { batchPerTick } from './batch-per-tick.ts';
import { jsonParser } from './limits/json-parser.ts';
import { refuseContentCodings } from './limits/content-coding.ts';
import { limitBodies } from './limits/limit-bodies.ts';
import { limitConnections } from './limits/limit-connections.ts';
import { answerUnreadable, limitHeaders, limitsOf } from './limits/limits.ts';
import { readText } from './limits/read-text.ts';
import { leaveBodiesUnread, leaveUnread } from './limits/unread-bodies.ts';
import { HealthModule } from './health/health.module.ts';
import { createLogger, NestLogger, textOutput } from './logging/logger.ts';
import { logRequests, requestIdOf } from './logging/request-log.ts';
import { listeningUrl } from './listening-url.ts';
import { ManagementModule } from './management/management.module.ts';
import { Management } from './management/management.ts';
import { createRegistry, measureRequests, MetricsModule } from './metrics/metrics.module.ts';
import { ProblemFilter } from './problem/problem.filter.ts';
import { securityHeaders } from './security-headers.ts';
import { explain } from './startup-failure.ts';
import { readCertificate } from './tls/certificate.ts';
import { renewCertificate } from './tls/renew-certificate.ts';
import { secureContext } from './tls/secure-context.ts';
import { TrustedProxies } from './trusted-proxies.ts';
import { endOnUncaughtErrors, logServerErrors } from './uncaught-errors.ts';

export interface Service<Schema extends z.ZodObject = z.ZodObject> {
  name: string;
  configuration: Schema;
  module: (configuration: z.infer<Schema>) => DynamicModule;
  /** the largest body accepted, bytes; default 64 KiB */
  bodyLimit?: number;
  /** whether a body is streamed, so that its size costs no memory; default: none is */
  isStreamed?: (request: FastifyRequest) => boolean;
  /** how long a request may take to arrive, seconds; default 30 */
  requestTimeout?: number;
  /** the status for requests that cannot be read or routed; default: 400, or what says more */
  unreadableStatus?: number;
  /** the path and query that routes see, if not those of the request */
  rewriteUrl?: (configuration: z.infer<Schema>) => ((url: string) => string) | undefined;
  /** further setup of the application, before it listens */
  setUp?: (app: NestFastifyApplication, configuration: z.infer<Schema>) => Promise<void> | void;
}

/** Builds the service without listening: `runService` runs it, and tests call it by `inject`. */
export async function createService<Schema extends z.ZodObject>(
  service: Service<Schema>,
  environment: NodeJS.ProcessEnv,
  logDestination?: DestinationStream,
): Promise<{ app: NestFastifyApplication; configuration: z.infer<Schema> & ServiceConfiguration; logger: Logger }> {
  const configuration = readConfiguration(service.configuration, environment) as z.infer<Schema> & ServiceConfiguration;
  const textDestination = configuration.LOG_FORMAT === 'text' ? textOutput(service.name) : undefined;
  const logger = createLogger(service.name, configuration.LOG_LEVEL, logDestination ?? textDestination);
  for (const msg of renamedSettings(service.configuration, environment)) logger.warn({ msg });
  const registry = createRegistry(service.name);
  const certificate = readCertificate(configuration);
  const limits = limitsOf(service.requestTimeout ?? 30);
  const proxies = new TrustedProxies(configuration.TRUSTED_PROXIES, logger);
  await proxies.start();
  const rewriteUrl = service.rewriteUrl?.(configuration);
  const adapter = new FastifyAdapter({
    ...(rewriteUrl && { rewriteUrl: ({ url = '/' }) => rewriteUrl(url) }),
    genReqId: requestIdOf,
    trustProxy: !proxies.isEmpty && proxies.trusts,
    bodyLimit: service.bodyLimit ?? 64 * 1024,
    ...limits,
    ...(certificate && { https: { ...secureContext(certificate), ...limits.http, handshakeTimeout: 15_000 } }),
    return503OnClosing: false,
    skipMiddie: true,
    clientErrorHandler: answerUnreadable(logger, service.unreadableStatus),
    frameworkErrors: refuseUrl(service.unreadableStatus ?? 400),
  });
  const module = {
    module: class ServiceModule {},
    imports: [
      {
        module: class ConfigurationModule {},
        global: true,
        providers: [{ provide: CONFIGURATION, useValue: configuration }],
        exports: [CONFIGURATION],
      },
      HealthModule,
      MetricsModule.forRoot(registry),
      ManagementModule.forRoot(logger),
      service.module(configuration),
    ],
  };
  const fastify = adapter.getInstance();
  logRequests(fastify, logger);
  measureRequests(fastify, registry);
  limitConnections(fastify, { configuration, isProxy: proxies.trusts, logger, metrics: registry });
  batchPerTick(fastify);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  app.useGlobalFilters(new ProblemFilter());
  secureHeaders(adapter, certificate !== undefined);
  limitHeaders(fastify);
  refuseOtherMethods(fastify);
  leaveBodiesUnread(fastify);
  refuseContentCodings(fastify);
  limitBodies(fastify, {
    perAddress: configuration.BODY_BYTES_PER_ADDRESS,
    isStreamed: service.isStreamed ?? (() => false),
  });
  useJsonParser(fastify);
  fastify.addHook('onClose', async () => proxies.stop());
  if (certificate) {
    const stop = renewCertificate(fastify.server as unknown as TlsServer, certificate, {
      configuration,
      logger,
      metrics: registry,
    });
    fastify.addHook('onClose', async () => stop());
  }
  await service.setUp?.(app, configuration);
  return { app, configuration, logger };
}

/** Runs the service until SIGTERM or SIGINT. If it cannot start, it prints one line per reason and exits with 1. */
export async function runService<Schema extends z.ZodObject>(service: Service<Schema>): Promise<void> {
  endOnUncaughtErrors(service.name);
  try {
    const { app, configuration, logger } = await createService(service, process.env);
    await app.init();
    collectGarbage();
    const management = app.get(Management);
    const managementUrl = await management.listen(app.getHttpServer(), configuration);
    await app.listen(configuration.PORT, configuration.HOST);
    logServerErrors(app.getHttpServer(), logger);
    logger.info({ msg: 'listening', address: listeningUrl(app.getHttpServer()), management: managementUrl });
    const close = async () => {
      management.stopping();
      await app.close();
      await management.close();
    };
    stopOnSignal(close, configuration.SHUTDOWN_TIMEOUT, logger);
  } catch (error) {
    for (const line of explain(error)) process.stderr.write(`${service.name} cannot start: ${line}\n`);
    process.exit(1);
  }
}

/** Stops once: on SIGTERM, on SIGINT, or when the parent that forked the process has exited. */
function stopOnSignal(close: () => Promise<void>, timeout: number, logger: Logger): void {
  let stopping = false;
  const stop = (reason: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ msg: 'stopping', reason });
    const deadline = setTimeout(() => {
      logger.error({ msg: 'stopped before all work had ended', timeout });
      process.exit(1);
    }, timeout * 1000);
    close().then(
      () => {
        clearTimeout(deadline);
        logger.info({ msg: 'stopped' });
        process.exit(0);
      },
      (error: unknown) => {
        logger.error({ msg: 'stopping failed', err: error });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  // Without a parent that forked it, a process does not have this property.
  if ('connected' in process && !process.connected) stop('parent exited');
  if (process.channel) {
    process.channel.unref();
    process.on('disconnect', () => stop('parent exited'));
  }
}

/** Replaces Fastify's own parsers, which keep every piece of a body. */
function useJsonParser(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', readText(jsonParser(fastify)));
}

/** Sets the security headers of every response; of a service with TLS, also HSTS, RFC 6797. */
function secureHeaders(adapter: FastifyAdapter, isSecure: boolean): void {
  adapter.getInstance().addHook('onRequest', (_request, reply, done) => {
    if (isSecure) reply.header('strict-transport-security', 'max-age=31536000');
    reply.headers(securityHeaders);
    done();
  });
}

/** Refuses a URL that cannot be routed, before hooks run. It does not repeat the URL, which may hold a token. */
const refuseUrl =
  (status: number) =>
  ({ code }: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const detail =
      code === 'FST_ERR_MAX_PARAM_LENGTH'
        ? 'a part of the address is too long'
        : 'the address is not encoded correctly';
    leaveUnread(request, reply);
    void reply
      .status(status)
      .type('application/problem+json')
      .headers({ ...securityHeaders, 'cache-control': 'no-store' })
      .send({ type: 'about:blank', title: STATUS_CODES[status], status, detail });
  };

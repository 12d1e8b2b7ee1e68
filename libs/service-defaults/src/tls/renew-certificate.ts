import type { Server } from 'node:tls';
import type { Logger } from 'pino';
import { Gauge, type Registry as MetricsRegistry } from 'prom-client';
import type { ServiceConfiguration } from '../configuration/common-configuration.ts';
import { repeat } from '../repeat.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { secureContext } from './secure-context.ts';

/** How often the files are checked, ms. */
const period = 5000;

/**
 * Uses a new certificate for new connections as soon as its files have changed, without a restart. If the new one
 * cannot be used, for example because its key is not written yet, the current one stays in use.
 * @returns stops the renewal
 */
export function renewCertificate(
  server: Server,
  current: Certificate,
  { configuration, logger, metrics }: { configuration: ServiceConfiguration; logger: Logger; metrics: MetricsRegistry },
): () => void {
  let inUse = current;
  let lastFault: string | undefined;
  const expiry: Gauge = new Gauge({
    name: 'lanyard_tls_certificate_expiry_timestamp_seconds',
    help: 'when the TLS certificate in use expires, seconds since the epoch',
    registers: [metrics],
    collect: () => expiry.set(inUse.expiresAt / 1000),
  });
  return repeat(
    () => period,
    () => {
      const read = readCertificate(configuration);
      if (read && (read.cert !== inUse.cert || read.key !== inUse.key)) {
        server.setSecureContext(secureContext(read));
        inUse = read;
        logger.info({ msg: 'a new TLS certificate is in use', expires_at: new Date(read.expiresAt).toISOString() });
      }
      lastFault = undefined;
    },
    (error) => {
      const { message: fault } = error as Error;
      if (fault !== lastFault) logger.error({ msg: 'the TLS certificate could not be renewed', fault });
      lastFault = fault;
    },
  );
}

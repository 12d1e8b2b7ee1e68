import type { Server } from 'node:tls';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import type { ServiceConfiguration } from '../configuration/common-configuration.ts';
import { repeat } from '../repeat.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { secureContext } from './secure-context.ts';

/** How often the files are looked at, ms. */
const period = 5000;

/**
 * Takes a new certificate as soon as its files have changed: for connections from then on, and without a restart. What
 * cannot be used, such as a certificate whose key is not written yet, leaves the present one in place.
 * @returns stops it
 */
export function renewCertificate(
  server: Server,
  current: Certificate,
  { configuration, logger, metrics }: { configuration: ServiceConfiguration; logger: Logger; metrics: Registry },
): () => void {
  let inUse = current;
  let lastFault: string | undefined;
  const expiry: Gauge = new Gauge({
    name: 'lanyard_tls_certificate_expiry_timestamp_seconds',
    help: 'when the TLS certificate in use ends, seconds since the epoch',
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
      if (fault !== lastFault) logger.error({ msg: 'the TLS certificate in use stays', fault });
      lastFault = fault;
    },
  );
}

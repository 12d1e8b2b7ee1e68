import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ServiceConfiguration } from '../configuration/common-configuration.ts';
import { readFile } from '../configuration/read-text-file.ts';
import { ConfigurationError } from '../configuration/startup-error.ts';

/** A certificate with its chain, and its private key; both PEM. */
export interface Certificate {
  cert: string;
  key: string;
  /** ms since the epoch */
  expiresAt: number;
}

type TlsConfiguration = Pick<ServiceConfiguration, 'TLS_CERTIFICATE_FILE' | 'TLS_PRIVATE_KEY_FILE'>;

/**
 * The certificate that the configuration names.
 * @returns undefined if it names none: then the service serves plain http
 * @throws {ConfigurationError}
 */
export function readCertificate(configuration: TlsConfiguration): Certificate | undefined {
  const { TLS_CERTIFICATE_FILE: certificateFile, TLS_PRIVATE_KEY_FILE: keyFile } = configuration;
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (certificateFile === undefined || keyFile === undefined) {
    throw new ConfigurationError('TLS_CERTIFICATE_FILE and TLS_PRIVATE_KEY_FILE must both be set, or neither');
  }
  const cert = readFile('TLS_CERTIFICATE_FILE', certificateFile).toString();
  const key = readFile('TLS_PRIVATE_KEY_FILE', keyFile).toString();
  const certificate = parsePem('TLS_CERTIFICATE_FILE', 'certificate', () => new X509Certificate(cert));
  const privateKey = parsePem('TLS_PRIVATE_KEY_FILE', 'private key', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigurationError('TLS_PRIVATE_KEY_FILE is not the private key of TLS_CERTIFICATE_FILE');
  }
  return { cert, key, expiresAt: Date.parse(certificate.validTo) };
}

function parsePem<T>(name: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new ConfigurationError(`${name} does not contain a ${what} in PEM`);
  }
}

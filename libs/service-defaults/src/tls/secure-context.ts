import { constants } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import type { Certificate } from './certificate.ts';

/** Suites with forward secrecy and authenticated encryption, RFC 9325 section 4.2; the gateway has the same. */
export const cipherSuites = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];

/**
 * Sessions are not resumed, and TLS 1.2 is not renegotiated. Node keeps one key for session tickets as long as it runs,
 * and anyone who learns it can read all TLS 1.2 sessions with a ticket, RFC 9325 section 3.4. Without tickets, Node
 * does not resume TLS 1.3 sessions either. The curves are OpenSSL's defaults, which begin with a post-quantum one.
 */
const settings = {
  minVersion: 'TLSv1.2',
  ciphers: cipherSuites.join(':'),
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET,
} satisfies TlsOptions;

/** The settings of every TLS server, at the start and after each renewal of the certificate. */
export const secureContext = ({ cert, key }: Certificate): TlsOptions => ({ ...settings, cert, key });

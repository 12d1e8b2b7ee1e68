import type { AuthServerConfiguration } from './configuration.ts';
import { retirement } from './signing-keys/key-lifecycle.ts';

const day = 86_400;

/** Settings that work, but should not be used in production; one sentence each. */
export function insecureSettings(configuration: AuthServerConfiguration): string[] {
  const { protocol, hostname } = new URL(configuration.ISSUER);
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return [
    protocol === 'http:' && !local && 'ISSUER is not https: secrets and tokens can be read on the network',
    configuration.SIGNING_KEY_ANNOUNCEMENT < 600 &&
      'SIGNING_KEY_ANNOUNCEMENT is below 10 minutes: validators that keep the JWK Set longer refuse tokens of a new key',
    configuration.SIGNING_KEY_PERIOD > 400 * day && 'SIGNING_KEY_PERIOD is above a year',
    configuration.AUDIT_RETENTION * day < retirement && 'AUDIT_RETENTION keeps hardly any audit events',
  ].filter((weakness) => typeof weakness === 'string');
}

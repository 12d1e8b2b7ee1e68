import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => readFileSync(join(repository, file), 'utf8');
const configuration = read('deploy/gateway/haproxy.cfg');
const compose = read('docker-compose.yml');

/** The lines of a section, such as `frontend jobs-api`. */
const section = (name: string): string[] => {
  const [, lines = ''] = new RegExp(`^${name}\n((?: +.*\n)+)`, 'm').exec(configuration) ?? [];
  return lines.split('\n').map((line) => line.trim());
};
const maxconn = (name: string): number => Number(/^maxconn (\d+)$/m.exec(section(name).join('\n'))?.[1]);
const services = ['auth-server', 'batch-processor', 'jobs-api'];

describe('the gateway', () => {
  it.each(services)(
    'limits each address to a share of the connections to %s [connection-share, Lanyard]',
    (service) => {
      expect(section(`frontend ${service}`)).toEqual(
        expect.arrayContaining([
          'stick-table type ipv6 size 50k expire 2m store conn_cur',
          'tcp-request connection track-sc0 src,ipmask(32,64)',
          'tcp-request connection reject if { sc0_conn_cur gt "${CONNECTIONS_PER_ADDRESS}" }',
        ]),
      );
      expect(section('global')).toContain('presetenv CONNECTIONS_PER_ADDRESS 1500');
      // Enough for two addresses with full shares.
      expect(maxconn(`frontend ${service}`)).toBe(3000);
    },
  );

  it('has connections left when all its ports are full [connection-share, Lanyard]', () => {
    const together = services.reduce((sum, service) => sum + maxconn(`frontend ${service}`), 0);
    expect(maxconn('global')).toBeGreaterThan(together);
  });

  it('has the same limits at the TLS port that the guide shows [connection-share, Lanyard]', () => {
    const guide = read('docs/docker.md');
    const plain = section('frontend auth-server').filter((line) => line && !line.startsWith('bind '));
    for (const line of plain) expect(guide).toContain(`\n  ${line}\n`);
    const [, limit] = /^global\n(?:  #.*\n)?  maxconn (\d+)$/m.exec(guide) ?? [];
    expect(Number(limit)).toBe(maxconn('global') + maxconn('frontend auth-server'));
  });

  it.each(services)('checks the health of %s at its management port [management-listener, Lanyard]', (service) => {
    const [, settings = ''] = new RegExp(`^  ${service}:\n((?:    .*\n|\n)+)`, 'm').exec(compose) ?? [];
    const [, port] = /^ +PORT: (\d+)$/m.exec(settings) ?? [];
    const [, managementPort] = /^ +MANAGEMENT_PORT: (\d+)$/m.exec(settings) ?? [];
    expect(section(`backend ${service}`)).toContain(
      `server-template replica 10 ${service}:${port} port ${managementPort}`,
    );
    expect(compose).not.toContain(`:${managementPort}\n`);
  });
});

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createLogger } from './logging/logger.ts';
import { TrustedProxies } from './trusted-proxies.ts';

const logger = createLogger('test', 'silent');
let proxies: TrustedProxies;
afterEach(() => {
  proxies.stop();
  jest.restoreAllMocks();
});

describe('trusted proxies', () => {
  it.each([
    ['192.0.2.1', ['192.0.2.1', '::ffff:192.0.2.1'], ['192.0.2.2', '::1', '']],
    ['192.0.2.0/24', ['192.0.2.255', '::ffff:192.0.2.9'], ['192.0.3.0']],
    ['2001:db8::/32', ['2001:db8:1::1'], ['2001:db9::1', '192.0.2.1']],
    ['::1', ['::1'], ['127.0.0.1']],
    ['loopback', ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'], ['126.0.0.1', '::2']],
    ['linklocal', ['169.254.1.1', 'fe80::1'], ['169.255.1.1']],
    ['uniquelocal', ['10.1.1.1', '172.31.1.1', '192.168.1.1', 'fd00::1'], ['172.32.1.1', '11.1.1.1', '2001:db8::1']],
  ])('are those of %s [trusted-proxies-only, Lanyard]', (entry, trusted, others) => {
    proxies = new TrustedProxies([entry], logger);
    // Twice, since the answer is cached.
    for (let i = 0; i < 2; i++) {
      expect(trusted.filter((address) => !proxies.trusts(address))).toEqual([]);
      expect(
        [...others, 'unknown', '192.0.2', 'x'.repeat(1000), `fe80::1%${'x'.repeat(1000)}`].filter(proxies.trusts),
      ).toEqual([]);
    }
  });

  it('are none by default [trusted-proxies-only, Lanyard]', () => {
    proxies = new TrustedProxies([], logger);
    expect([proxies.isEmpty, proxies.trusts('127.0.0.1')]).toEqual([true, false]);
  });

  it('are the current addresses of a name [trusted-proxies-only, Lanyard]', async () => {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    let answer: string[] | Error = ['10.0.0.2', 'fd00::2'];
    const addressesOf = async (name: string) => {
      expect(name).toBe('gateway');
      if (answer instanceof Error) throw answer;
      return answer;
    };
    proxies = new TrustedProxies(['gateway', '192.0.2.1'], logger, addressesOf);
    const trusted = () =>
      ['10.0.0.2', '::ffff:10.0.0.2', 'fd00::2', '10.0.0.3', '192.0.2.1'].filter(proxies.trusts).join(' ');
    const later = async (ms: number) => {
      now += ms;
      await proxies.lookUpNames();
    };
    await later(0);
    expect(trusted()).toBe('10.0.0.2 ::ffff:10.0.0.2 fd00::2 192.0.2.1');
    answer = ['10.0.0.3'];
    await later(2100);
    expect(trusted()).toBe('10.0.0.3 192.0.2.1');
    // For a moment, as during the restart of a name server.
    answer = new Error('EAI_AGAIN');
    await later(8000);
    expect(trusted()).toBe('10.0.0.3 192.0.2.1');
    await later(4000);
    expect(trusted()).toBe('192.0.2.1');
    answer = ['10.0.0.2'];
    await later(2100);
    expect(trusted()).toBe('10.0.0.2 ::ffff:10.0.0.2 192.0.2.1');
  });

  it('do not keep a service from starting if their names are not found, or the name server does not answer', async () => {
    proxies = new TrustedProxies(['gateway'], logger, () => Promise.reject(new Error('ENOTFOUND')));
    await proxies.start();
    expect(proxies.trusts('10.0.0.2')).toBe(false);
    proxies.stop();
    proxies = new TrustedProxies(['gateway'], logger, () => new Promise(() => undefined));
    await proxies.start();
    expect(proxies.trusts('10.0.0.2')).toBe(false);
  });
});

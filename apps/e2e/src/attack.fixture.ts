import { describe, expect, it } from '@jest/globals';
import { lessons, outcomeOf, type Target } from '@lanyard/attacks';
import { faultsOf, fuzz } from '@lanyard/attacks/fuzz';

/** Runs each attack as a test, in order, and then sends fuzzed requests. */
export function testAttacks(target: () => Target): void {
  describe.each(Object.entries(lessons))('%s', (_, attacks) => {
    it.each(attacks.map((attack) => [attack.name, attack] as const))(
      'the system withstands %s',
      async (_name, attack) => {
        const { result, answer } = await outcomeOf(attack, target());
        const isLeftOut =
          (attack.needs === 'https' && target().secureUrls.length === 0) ||
          (attack.needs === 'forward-auth' && target().deployment.forwardAuth === undefined);
        expect({ result, answer }).toEqual({ result: isLeftOut ? 'left out' : 'stopped', answer });
      },
      120_000,
    );
  });

  it('the system never answers a fuzzed request with a 5xx [no-server-error, Lanyard]', async () => {
    const report = await fuzz(target(), { requests: 5000, seed: 1, onProgress: () => undefined });
    expect(faultsOf(report)).toEqual([]);
    expect(report.requests).toBeGreaterThanOrEqual(5000);
  }, 300_000);
}

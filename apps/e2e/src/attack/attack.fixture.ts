import { describe, expect, it } from '@jest/globals';
import { lessons } from './attacks/index.ts';
import { outcomeOf } from './run-attacks.ts';
import type { Target } from './target.ts';

/** Each attack as a test, in their order. */
export function testAttacks(target: () => Target): void {
  describe.each(Object.entries(lessons))('%s', (_, attacks) => {
    it.each(attacks.map((attack) => [attack.name, attack] as const))(
      'withstands %s',
      async (_name, attack) => {
        const { result, answer } = await outcomeOf(attack, target());
        expect({ result, answer }).toEqual({ result: 'stopped', answer });
      },
      120_000,
    );
  });
}

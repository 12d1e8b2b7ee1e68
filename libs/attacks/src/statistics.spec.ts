import { describe, expect, it } from '@jest/globals';
import { mannWhitney, quantile } from './statistics.ts';

/** Reproducible pseudo-random numbers. */
function numbers(count: number, shift = 0): number[] {
  let state = 42 + shift * 1000;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 + shift;
  });
}

describe('the Mann-Whitney test', () => {
  it('matches a worked example', () => {
    // Ranks 1 2 3 against 4 5 6: U is 0, z is 1.964.
    const { p, auc } = mannWhitney([1, 2, 3], [4, 5, 6]);
    expect(auc).toBe(0);
    expect(p).toBeCloseTo(0.0495, 3);
  });

  it('finds no difference between equal sets, and a small difference between shifted ones', () => {
    expect(mannWhitney(numbers(5000), numbers(5000).toReversed()).p).toBeCloseTo(1, 5);
    expect(mannWhitney(numbers(5000), numbers(5000, 0.05)).p).toBeLessThan(1e-6);
  });

  it('counts equal values as half', () => {
    expect(mannWhitney([1, 1, 1], [1, 1, 1])).toEqual({ p: expect.closeTo(1, 5), auc: 0.5 });
  });
});

it('finds quantiles', () => {
  expect(quantile([3, 1, 2, 4], 0.5)).toBe(3);
  expect(quantile([1], 0.99)).toBe(1);
});

import { describe, expect, it } from '@jest/globals';
import { generateClientSecret, isGeneratedSecret, isTruncated } from './client-secret.ts';

describe('a generated secret', () => {
  const secrets = Array.from({ length: 1000 }, generateClientSecret);

  it('is recognized and unique', () => {
    expect(secrets.every(isGeneratedSecret)).toBe(true);
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  it('is distinguished from a truncated or mistyped one', () => {
    for (const secret of secrets.slice(0, 50)) {
      const mistyped = secret.replace(/.{10}$/, (end) => (end.startsWith('x') ? 'y' : 'x') + end.slice(1));
      for (const wrong of [secret.slice(0, -1), `${secret}A`, mistyped]) expect(isTruncated(wrong)).toBe(true);
    }
  });

  it('ends in four characters that no command takes for an option', () => {
    expect(secrets.filter((secret) => secret.at(-4) === '-')).toEqual([]);
  });
});

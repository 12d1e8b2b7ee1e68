import { invalid } from './invalid.ts';

/**
 * The Idempotency-Key header, if the caller sent one.
 * @throws a problem, unless it has 1 to 255 visible ASCII characters
 */
export function parseIdempotencyKey(key: string | undefined): string | undefined {
  if (key === undefined || /^[\x21-\x7E]{1,255}$/.test(key)) return key;
  throw invalid([{ path: ['Idempotency-Key'], message: 'must be 1 to 255 visible ASCII characters' }]);
}

import { parseScope } from '@lanyard/oauth-protocol';
import { z } from 'zod';

/** Stops the validation at a value that is too long. */
export const tooLong = { abort: true };

/** A name for people. Postgres cannot store NUL or lone surrogates, and names must not have control characters. */
export const nameSchema = z
  .string()
  .min(1)
  .max(255, tooLong)
  // The characters of `\p{Cc}`, which not every OpenAPI tool supports.
  // oxlint-disable-next-line no-control-regex -- control characters are meant
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'must have no control characters')
  .refine((text) => text.isWellFormed(), 'must have no lone surrogates');

/** A scope, RFC 6749 section 3.3; here it may be empty. */
export const scopeSchema = z
  .string()
  .max(4000, tooLong)
  .refine((text) => text === '' || parseScope(text) !== undefined, 'must be scope values separated by single spaces');

/** The values of a scope that `scopeSchema` accepts. */
export function scopeValuesOf(scope: string): string[] {
  return scope === '' ? [] : [...(parseScope(scope) ?? [])];
}

/** How long access tokens are valid, seconds; null: not limited here. */
export const accessTokenLifetime = z.int().min(60).max(3600).nullable();

export const momentSchema = z.iso.datetime();

/** A fault in a request or a file, and the field that has it. */
export interface Fault {
  path: (string | number)[];
  message: string;
}

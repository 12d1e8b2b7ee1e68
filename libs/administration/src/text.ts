import { parseScope } from '@lanyard/oauth-protocol';
import { z } from 'zod';

/** Nothing more is asked of what is too long, nor of what it belongs to. */
export const tooLong = { abort: true };

/** A name for people. Postgres cannot store NUL, nor half a character, and control characters have no place in names. */
export const nameSchema = z
  .string()
  .min(1)
  .max(200, tooLong)
  // Those of `\p{Cc}`, which not every reader of OpenAPI knows.
  // oxlint-disable-next-line no-control-regex -- that is what it is about
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'must have no control characters')
  .refine((text) => text.isWellFormed(), 'must have no half characters');

/** A scope, RFC 6749 section 3.3; here it may be empty. */
export const scopeSchema = z
  .string()
  .max(4000, tooLong)
  .refine((text) => text === '' || parseScope(text) !== undefined, 'must be scope values separated by single spaces');

/** The values of a scope that the schema found well-formed. */
export function scopeValuesOf(scope: string): string[] {
  return scope === '' ? [] : [...(parseScope(scope) ?? [])];
}

export const momentSchema = z.iso.datetime();

/** A fault in something that was sent or written, and the field it is in. */
export interface Fault {
  path: (string | number)[];
  message: string;
}

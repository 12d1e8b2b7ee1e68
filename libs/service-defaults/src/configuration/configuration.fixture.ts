import fc from 'fast-check';
import type { z } from 'zod';
import { readConfiguration } from './read-configuration.ts';
import { ConfigurationError } from './startup-error.ts';

/** The configuration, or the lines of the message; any other error than the reader's own is thrown. */
export function read(schema: z.ZodObject, environment: NodeJS.ProcessEnv): object {
  try {
    return readConfiguration(schema, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n');
    throw error;
  }
}

/** The lines that do not begin with the name of one of these variables, or that repeat a secret. */
export function indiscreet(found: object, names: string[]): string[] {
  const lines = Array.isArray(found) ? new Set(found as string[]) : [];
  return [...lines].filter(
    (line) => line.includes('hunter2') || !names.includes(/^([A-Z_]+)( is not set$|: .)/.exec(line)?.[1] ?? ''),
  );
}

/** What might be right by its start and its end, with a secret in it. */
export const secretiveBetween = (starts: string[], ends: string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom('', ...starts), fc.string({ unit: 'binary' }), fc.constantFrom('', ...ends))
    .map(([start, text, end]) => `${start}hunter2-${text.replaceAll('\0', '')}${end}`);

/** Some of these variables, each with such a value. */
export const someOf = (names: string[], value: fc.Arbitrary<string>): fc.Arbitrary<NodeJS.ProcessEnv> =>
  fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });

/** 100,000 characters. */
export const long = (piece: string): string => piece.repeat(Math.ceil(100_000 / piece.length));

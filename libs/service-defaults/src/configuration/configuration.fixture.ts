import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { z } from 'zod';
import { readConfiguration } from './read-configuration.ts';
import { ConfigurationError } from './startup-error.ts';

interface Configuration {
  schema: z.ZodObject;
  /** settings that are valid together, for those that have no default */
  sound: NodeJS.ProcessEnv;
  /** values with a secret in them, whose start and end may look valid */
  secretive: fc.Arbitrary<string>;
  /** values that are right for some setting */
  right: fc.Arbitrary<string>;
  /** the values that are tried for one setting, while all others are right; default: any of these */
  single?: fc.Arbitrary<string>;
  /** what very long values are made of */
  pieces: string[];
  /** very long values for all settings at once, besides those that every configuration is given */
  longValues?: (piece: string) => string[];
  /** settings that take no very long value here */
  short?: string[];
}

/** What holds for the configuration of every service: an error names the variable, and never repeats its value. */
export function testConfiguration(title: string, configuration: Configuration): void {
  const { schema, sound, secretive, right, pieces, longValues = () => [], short = [] } = configuration;
  const { single = fc.oneof(secretive, right) } = configuration;
  const names = Object.keys(schema.shape);

  describe.each([title])('%s', () => {
    it('is read, or refused by the names of its variables [configuration-errors-name-no-value, Lanyard]', () => {
      fc.assert(
        fc.property(someOf(names, fc.oneof(secretive, right)), (environment) => {
          expect(indiscreet(read(schema, { ...sound, ...environment }), names)).toEqual([]);
        }),
        { numRuns: 300 },
      );
    });

    it('is refused by the name of the one variable that is wrong [configuration-errors-name-no-value, Lanyard]', () => {
      expect(read(schema, sound)).not.toBeInstanceOf(Array);
      fc.assert(
        fc.property(fc.constantFrom(...names), single, (name, value) => {
          expect(indiscreet(read(schema, { ...sound, [name]: value }), [name])).toEqual([]);
        }),
        { numRuns: 300 },
      );
    });

    it.each(pieces)(
      'is read or refused with 100,000 characters of %j [configuration-errors-name-no-value, Lanyard]',
      (piece) => {
        for (const value of [
          long(piece),
          `${long(piece)}!`,
          `https://a.example/${long(piece)}`,
          ...longValues(piece),
        ]) {
          const everywhere = Object.fromEntries(names.map((name) => [name, short.includes(name) ? '' : value]));
          expect(indiscreet(read(schema, everywhere), names)).toEqual([]);
        }
      },
    );
  });
}

/** The configuration, or the lines of the message; rethrows every error that is not the reader's own. */
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

/** Values with a secret in them, whose start and end may look valid. */
export const secretiveBetween = (starts: string[], ends: string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom('', ...starts), fc.string({ unit: 'binary' }), fc.constantFrom('', ...ends))
    .map(([start, text, end]) => `${start}hunter2-${text.replaceAll('\0', '')}${end}`);

/** Some of these variables, each with one of these values. */
const someOf = (names: string[], value: fc.Arbitrary<string>): fc.Arbitrary<NodeJS.ProcessEnv> =>
  fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });

/** 100,000 characters. */
export const long = (piece: string): string => piece.repeat(Math.ceil(100_000 / piece.length));

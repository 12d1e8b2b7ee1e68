import { describe, expect, it, jest } from '@jest/globals';
import { Command, InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { duration, moment } from './arguments.ts';
import { addAudit } from './commands/audit.ts';
import type { Server } from './server.ts';

/** Undefined if the text is refused; throws any error that is not commander's. */
function unlessRefused<Value>(read: (text: string) => Value, text: string): Value | undefined {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return undefined;
    throw error;
  }
}

const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));
const blank = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\u{A0}') });
const anyText = fc.oneof(
  fc.oneof(fc.integer(), fc.double()).map(String),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('1', '9', '.', ' ', '-', 's', 'm', 'h', 'd', 'y', 'e', ':', 'T', 'Z', 'weeks') }),
);

describe('a duration', () => {
  const units = { s: 1, m: 60, h: 3600, d: 86_400, w: 7 * 86_400, seconds: 1, Minutes: 60, hrs: 3600, days: 86_400 };

  it('is read as it was written [command-line-arguments, Lanyard]', () => {
    const unit = fc.constantFrom(...Object.entries(units));
    fc.assert(
      fc.property(fc.nat(100_000), unit, fc.constantFrom('', ' '), (number, [name, seconds], space) => {
        expect(duration(`${number}${space}${name}`)).toBe(number * seconds);
        expect(duration(String(number))).toBe(number);
      }),
    );
  });

  it('is a whole number of seconds, or refused [command-line-arguments, Lanyard]', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const seconds = unlessRefused(duration, text) ?? 0;
        expect(Number.isInteger(seconds) && seconds >= 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused if the text is blank, as from an unset variable [command-line-arguments, Lanyard]', () => {
    fc.assert(
      fc.property(blank, (text) => {
        expect(unlessRefused(duration, text)).toBeUndefined();
        expect(unlessRefused(moment, text)).toBeUndefined();
      }),
    );
  });

  it.each(['1', '1.', '.1', ' ', 'a', '1 ', '1a', '-', '1d'])(
    'is refused with 100,000 characters of %j [command-line-arguments, Lanyard]',
    (piece) => {
      for (const text of [long(piece), `1${long(piece)}!`, `${long(piece)}!`]) {
        expect(unlessRefused(duration, text)).toBeUndefined();
        expect(unlessRefused(moment, text)).toBeUndefined();
      }
      // JavaScript's Date parses some malformed texts.
      expect(unlessRefused(moment, `2026-${long(piece)}`) ?? '2026-01-01T00:00:00.000Z').toMatch(/^2026-/);
    },
  );
});

describe('a moment', () => {
  it('is read as it was written [command-line-arguments, Lanyard]', () => {
    const date = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(date, (date) => {
        expect(moment(date.toISOString())).toBe(date.toISOString());
        expect(moment(date.toISOString().slice(0, 10))).toBe(`${date.toISOString().slice(0, 10)}T00:00:00.000Z`);
      }),
    );
  });

  it('is read as a time before now [command-line-arguments, Lanyard]', () => {
    const now = Date.now();
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    fc.assert(
      fc.property(fc.nat(1_000_000), (seconds) => {
        expect(Date.parse(moment(`${seconds}s`))).toBe(now - seconds * 1000);
      }),
    );
    jest.restoreAllMocks();
  });

  it('is valid, or refused [command-line-arguments, Lanyard]', () => {
    const almost = fc.tuple(fc.constantFrom('2026-', '2026-02-3', '9999-12-31T23:59:59-23:', ''), anyText);
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          almost.map(([start, end]) => start + end),
        ),
        (text) => {
          const found = unlessRefused(moment, text);
          expect(found === undefined || new Date(found).toISOString() === found).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the head of the audit log', () => {
  const program = new Command();
  addAudit(program, {} as Server);
  const verify = program.commands[0]?.commands.find((command) => command.name() === 'verify');
  const head = (text: string) =>
    verify?.options.find(({ long }) => long === '--head')?.parseArg?.(text, undefined) as unknown;

  it('is read as it was written [command-line-arguments, Lanyard]', () => {
    const hash = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(fc.maxSafeNat(), hash, (sequence, hash) => {
        expect(head(`${sequence}:${hash}`)).toEqual({ sequence, hash });
        for (const text of [`${sequence}:${hash}0`, `${sequence}:${hash.slice(1)}`, `${sequence}${hash}`, `:${hash}`]) {
          expect(unlessRefused(head, text)).toBeUndefined();
        }
      }),
    );
  });

  it('is refused in any other form [command-line-arguments, Lanyard]', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.string({ unit: fc.constantFrom('1', 'a', ':', '\n') })), (text) => {
        expect(unlessRefused(head, text)).toBeUndefined();
      }),
    );
  });

  it.each(['1', ':', '1:', 'a', '0'])(
    'is refused with 100,000 characters of %j [command-line-arguments, Lanyard]',
    (piece) => {
      expect(unlessRefused(head, long(piece))).toBeUndefined();
      expect(unlessRefused(head, `1:${long(piece)}`)).toBeUndefined();
    },
  );
});

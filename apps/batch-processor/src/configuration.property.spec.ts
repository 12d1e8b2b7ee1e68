import { describe, expect, it } from '@jest/globals';
import { readConfiguration } from '@lanyard/service-defaults';
import fc from 'fast-check';
import { batchProcessorConfiguration as schema } from './configuration.ts';

const names = Object.keys(schema.shape);
const sound = { CLIENT_SECRET_FILE: '/run/secret' };

/** The configuration, or the lines of the message; any other error than the reader's own is thrown. */
function read(environment: NodeJS.ProcessEnv): object {
  try {
    return readConfiguration(schema, environment);
  } catch (error) {
    if ((error as Error).name === 'ConfigurationError') return (error as Error).message.split('\n');
    throw error;
  }
}

/** The lines that do not begin with a variable's name, or that repeat a secret. */
const indiscreet = (found: object, names: string[]) =>
  [...new Set(Array.isArray(found) ? (found as string[]) : [])].filter(
    (line) => line.includes('hunter2') || !names.includes(/^([A-Z_]+)( is not set$|: .)/.exec(line)?.[1] ?? ''),
  );

const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));
/** What might be right, with a secret in it. */
const secretive = fc
  .tuple(
    fc.constantFrom('', 'http://a.example:', 'https://a.example/', 'https://', '1', '* * * * ', '@', '::1,', 'info'),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '@h/n', '/', ' * * * *'),
  )
  .map(([start, text, end]) => `${start}hunter2-${text.replaceAll('\0', '')}${end}`);
const field = fc.string({
  unit: fc.constantFrom('*', '1', '60', '/', '-', ',', 'MON', '?', 'L', ' ', '@daily', 'é'),
  minLength: 1,
});
const right = fc.oneof(fc.constantFrom('', ' ', '1', '80', 'true', 'info', 'https://a.example', '@hourly'), field);

describe('the configuration of the batch processor', () => {
  it('is read, or refused by the names of its variables [configuration-errors-name-no-value, Lanyard]', () => {
    const value = fc.oneof(secretive, right);
    const environment = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
    fc.assert(
      fc.property(environment, (environment) => {
        expect(indiscreet(read({ ...sound, ...environment }), names)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('is refused by the name of the one variable that is wrong [configuration-errors-name-no-value, Lanyard]', () => {
    expect(read(sound)).not.toBeInstanceOf(Array);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.oneof(secretive, right), (name, value) => {
        expect(indiscreet(read({ ...sound, [name]: value }), [name])).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('takes a schedule of any minutes and hours [configuration-round-trip, Lanyard]', () => {
    const minutes = fc.uniqueArray(fc.nat(59), { minLength: 1, maxLength: 5 }).map((list) => list.join(','));
    fc.assert(
      fc.property(
        fc.oneof(
          minutes,
          fc.integer({ min: 1, max: 59 }).map((step) => `*/${step}`),
        ),
        fc.nat(23),
        (minutes, hour) => {
          const SCHEDULE = `${minutes} ${hour} * * *`;
          expect(read({ ...sound, SCHEDULE })).toMatchObject({ SCHEDULE });
        },
      ),
    );
  });

  it.each([' ', '*', '* ', '*/', '1,', '1-', '-', 'MON,', '@', '/', ':', '1', 'https://', '%41', '\n', '?', 'L', '0'])(
    'is read or refused with 100,000 characters of %j [configuration-errors-name-no-value, Lanyard]',
    (piece) => {
      const values = [long(piece), `${long(piece)}!`, `https://a.example/${long(piece)}`, `1 1 1 1 ${long(piece)}`];
      for (const value of values) {
        const everywhere = Object.fromEntries(names.map((name) => [name, name === 'TRUSTED_PROXIES' ? '' : value]));
        expect(indiscreet(read(everywhere), names)).toEqual([]);
      }
    },
  );
});

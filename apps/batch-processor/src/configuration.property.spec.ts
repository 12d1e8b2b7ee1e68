import { describe, expect, it } from '@jest/globals';
import { indiscreet, long, read, secretiveBetween, someOf } from '@lanyard/service-defaults/configuration.fixture';
import fc from 'fast-check';
import { batchProcessorConfiguration as schema } from './configuration.ts';

const names = Object.keys(schema.shape);
const sound = { CLIENT_SECRET_FILE: '/run/secret' };

const secretive = secretiveBetween(
  ['http://a.example:', 'https://a.example/', 'https://', '1', '* * * * ', '@', '::1,', 'info'],
  ['@h/n', '/', ' * * * *'],
);
const field = fc.string({
  unit: fc.constantFrom('*', '1', '60', '/', '-', ',', 'MON', '?', 'L', ' ', '@daily', 'é'),
  minLength: 1,
});
const right = fc.oneof(fc.constantFrom('', ' ', '1', '80', 'true', 'info', 'https://a.example', '@hourly'), field);

describe('the configuration of the batch processor', () => {
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
      fc.property(fc.constantFrom(...names), fc.oneof(secretive, right), (name, value) => {
        expect(indiscreet(read(schema, { ...sound, [name]: value }), [name])).toEqual([]);
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
          expect(read(schema, { ...sound, SCHEDULE })).toMatchObject({ SCHEDULE });
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
        expect(indiscreet(read(schema, everywhere), names)).toEqual([]);
      }
    },
  );
});

import { expect, it } from '@jest/globals';
import { long, read, secretiveBetween, testConfiguration } from '@lanyard/service-defaults/configuration.fixture';
import fc from 'fast-check';
import { batchProcessorConfiguration as schema } from './configuration.ts';

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

testConfiguration('the configuration of the batch processor', {
  schema,
  sound,
  secretive,
  right,
  pieces: [' ', '*', '* ', '*/', '1,', '1-', '-', 'MON,', '@', '/', ':', '1', 'https://', '%41', '\n', '?', 'L', '0'],
  longValues: (piece) => [`1 1 1 1 ${long(piece)}`],
  short: ['TRUSTED_PROXIES'],
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

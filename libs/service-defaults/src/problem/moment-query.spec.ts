import { expect, it } from '@jest/globals';
import { momentQuery } from './moment-query.ts';

const read = (text: string) => {
  const { data, error } = momentQuery.safeParse(text);
  return data?.toISOString() ?? error?.issues.map(({ message }) => message);
};

it.each([
  ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31T12:00:00.5+01:00', '2026-01-31T11:00:00.500Z'],
  // An offset that Postgres does not support.
  ['2026-12-16T17:23:17-23:37', '2026-12-17T17:00:17.000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
])('reads %s', (text, moment) => {
  expect(read(text)).toBe(moment);
});

it.each([
  ['yesterday', 'must be a time such as 2026-01-31T12:00:00Z'],
  ['2026-02-30T12:00:00Z', 'must be a time such as 2026-01-31T12:00:00Z'],
  ['2026-01-31T12:00:00', 'must be a time such as 2026-01-31T12:00:00Z'],
  ['0000-06-01T00:00:00Z', 'must be in the years 1 to 9999'],
  ['0001-01-01T00:00:00+01:00', 'must be in the years 1 to 9999'],
  ['9999-12-31T23:59:59-01:00', 'must be in the years 1 to 9999'],
])('refuses %s with a reason', (text, message) => {
  expect(read(text)).toEqual([message]);
});

import type { HttpException } from '@nestjs/common';
import { maxFaults } from './bounded-faults.ts';
import { problemException } from './problem.ts';

/** A fault in a request; the path leads to the field. */
export interface Fault {
  path?: readonly unknown[];
  message: string;
}

/** A problem that names the invalid fields, at most a hundred. */
export function invalid(faults: readonly Fault[]): HttpException {
  const listed: readonly Fault[] = faults.length > maxFaults ? [...faults.slice(0, maxFaults), more] : faults;
  const errors = listed.map(({ path = [], message }) => ({
    field: shortened(
      path
        .map((segment) => (typeof segment === 'object' && segment !== null && 'key' in segment ? segment.key : segment))
        .join('.'),
    ),
    message: shortened(message),
  }));
  return problemException(400, 'invalid', 'The request is invalid', { errors });
}

const more = { message: 'there are more faults, which are not listed' };

/** Shortened, since names of fields and messages may repeat any text of the request. */
const shortened = (text: string): string => (text.length > 500 ? `${text.slice(0, 500)}…` : text);

import { StandardSchemaValidationPipe, type HttpException } from '@nestjs/common';
import { problemException } from './problem.ts';

/** A fault in a request; the path leads to the field. */
export interface Fault {
  path?: readonly unknown[];
  message: string;
}

/** A problem that names each field that is wrong. */
export function invalid(faults: readonly Fault[]): HttpException {
  const errors = faults.map(({ path = [], message }) => ({
    field: path
      .map((segment) => (typeof segment === 'object' && segment !== null && 'key' in segment ? segment.key : segment))
      .join('.'),
    message,
  }));
  return problemException(400, 'invalid', 'The request is invalid', { errors });
}

/** Checks bodies, queries and parameters against the schema that their decorator has. */
export const validationPipe = (): StandardSchemaValidationPipe =>
  new StandardSchemaValidationPipe({ exceptionFactory: invalid });

import { type HttpException } from '@nestjs/common';
import type { Fault } from '@lanyard/administration';
import { problemException } from '@lanyard/service-defaults';

/** Names each field that is wrong. */
export function invalid(faults: readonly Fault[]): HttpException {
  const errors = faults.map(({ path, message }) => ({ field: path.join('.'), message }));
  return problemException(400, 'invalid', 'The request is invalid', { errors });
}

export const notFound = (what: string): HttpException =>
  problemException(404, 'not-found', 'Not found', { detail: `there is no such ${what}` });

export const conflict = (type: string, title: string, detail: string): HttpException =>
  problemException(409, type, title, { detail });

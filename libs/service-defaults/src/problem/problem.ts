import { HttpException } from '@nestjs/common';

/** A problem body, RFC 9457 section 3.1. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  [extension: string]: unknown;
}

/**
 * An exception that the ProblemFilter answers with this problem.
 * @param type  the kind of problem, the last part of `urn:lanyard:problem:lease-lost`
 */
export function problemException(status: number, type: string, title: string, more: object = {}): HttpException {
  return new HttpException({ type: `urn:lanyard:problem:${type}`, title, status, ...more } satisfies Problem, status);
}

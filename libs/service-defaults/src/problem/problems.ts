import { type HttpException } from '@nestjs/common';
import { problemException } from './problem.ts';

export const notFound = (what: string): HttpException =>
  problemException(404, 'not-found', 'Not found', { detail: `there is no such ${what}` });

export const conflict = (type: string, title: string, detail?: string): HttpException =>
  problemException(409, type, title, { detail });

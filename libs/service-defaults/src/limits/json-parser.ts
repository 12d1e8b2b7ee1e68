import { BadRequestException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { TextParser } from './read-text.ts';

/** How deep JSON may be nested; requests need fewer than a dozen levels. */
const deepest = 32;

/**
 * Parses JSON of bounded depth, and takes an empty body for none, whatever type it announces. Names that would reach an
 * object's prototype are refused.
 */
export function jsonParser(fastify: FastifyInstance): TextParser {
  const parse = fastify.getDefaultJsonParser('error', 'error') as unknown as TextParser;
  return (request, body, done) => {
    if (body === '') return done(null, undefined);
    if (isDeep(body)) return done(new BadRequestException(`JSON may be nested ${deepest} levels deep at most`));
    return parse(request, body, done);
  };
}

/** Brackets in strings do not count. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > deepest) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      default:
    }
  }
  return false;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

/** After an odd number of backslashes. */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

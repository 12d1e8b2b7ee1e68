import { BadRequestException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { TextParser } from './read-text.ts';

/** How deep JSON may be nested; requests need fewer than a dozen levels. */
const deepest = 32;

/** A hundred jobs that end together, with results of 32 KB, have this many. */
const mostValues = 300_000;

/**
 * Parses JSON of bounded depth with a bounded number of values, and takes an empty body for none, whatever type it
 * announces. Names that would reach an object's prototype are refused.
 * @param values  how many values a body may have, those inside others included
 */
export function jsonParser(fastify: FastifyInstance, values = mostValues): TextParser {
  const parse = fastify.getDefaultJsonParser('error', 'error') as unknown as TextParser;
  return (request, body, done) => {
    if (body === '') return done(null, undefined);
    const excess = excessOf(body, values);
    if (excess) return done(new BadRequestException(excess));
    return parse(request, body, done);
  };
}

/**
 * Parsed, 8 MiB of small values take 200 MB. A comma and an opening bracket each stand for one value at most.
 * @returns what there is too much of
 */
function excessOf(text: string, values: number): string | undefined {
  let depth = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > deepest) return `JSON may be nested ${deepest} levels deep at most`;
        if (++count > values) return `JSON may have ${values} values at most`;
        break;
      case 0x2c: // ,
        if (++count > values) return `JSON may have ${values} values at most`;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      default:
    }
  }
  return undefined;
}

/** Brackets and commas in strings do not count. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 0x22) return i; // "
    if (character === 0x5c) i += 1; // \
  }
  return text.length;
}

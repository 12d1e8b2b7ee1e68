import { BadRequestException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { TextParser } from './read-text.ts';

/** How deep JSON may be nested; requests need fewer than a dozen levels. */
const maxDepth = 32;

/** The number of values in a request that ends a hundred jobs with results of 32 KB each. */
const defaultMaxValues = 300_000;

/**
 * Parses JSON of bounded depth with a bounded number of values, and treats an empty body as none, whatever its content
 * type. Names that would reach an object's prototype are refused.
 * @param maxValues  how many values a body may have, nested ones included
 */
export function jsonParser(fastify: FastifyInstance, maxValues = defaultMaxValues): TextParser {
  const parse = fastify.getDefaultJsonParser('error', 'error') as unknown as TextParser;
  return (request, body, done) => {
    if (body === '') return done(null, undefined);
    const excess = excessOf(body, maxValues);
    if (excess) return done(new BadRequestException(excess));
    return parse(request, body, done);
  };
}

/**
 * Once parsed, 8 MiB of small values take 200 MB. Each comma and each opening bracket stands for at most one value.
 * @returns the description of the exceeded limit
 */
function excessOf(text: string, maxValues: number): string | undefined {
  let depth = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxDepth) return `JSON may be nested at most ${maxDepth} levels deep`;
        if (++count > maxValues) return `JSON may have at most ${maxValues} values`;
        break;
      case 0x2c: // ,
        if (++count > maxValues) return `JSON may have at most ${maxValues} values`;
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

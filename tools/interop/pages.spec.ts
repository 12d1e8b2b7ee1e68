import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { programs } from './programs.ts';

const docs = fileURLToPath(new URL('../../docs', import.meta.url));
const read = (file: string) => readFileSync(file, 'utf8');

/** The code blocks of a page that follow a sentence with "From [file]", each with that file. */
function quotesIn(page: string): { file: string; code: string }[] {
  const quotes = [];
  let file: string | undefined;
  for (const [, heading, target, code] of read(join(docs, page)).matchAll(
    /^(#.*|\*\*.*)$|[Ff]rom\s+\[[^\]]*\]\(([^)#]*)\)|^```(?:js|ts|java|go|python|rust|nginx|yaml)\n([^]*?)^```$/gm,
  )) {
    if (heading !== undefined) file = undefined;
    else if (target !== undefined) file = join(docs, target);
    else if (file !== undefined && code !== undefined) quotes.push({ file, code });
  }
  return quotes;
}

const unindented = (text: string) => text.replaceAll(/^[ \t]+/gm, '').trim();

describe.each(['interop.md', 'mcp.md', 'forward-auth.md'])('docs/%s', (page) => {
  const quotes = quotesIn(page);

  it.each(quotes)('quotes $file as it is', ({ file, code }) => {
    expect(unindented(read(file))).toContain(unindented(code));
  });

  it('quotes files', () => expect(quotes.length).toBeGreaterThan(0));
});

it('the pages name every program in JavaScript and Python that is run', () => {
  const pages = read(join(docs, 'interop.md')) + read(join(docs, 'mcp.md'));
  const files = programs.flatMap(({ command }) => command.join(' ').match(/[\w-]+\.(mjs|py)/g) ?? []);
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter((file) => !pages.includes(file))).toEqual([]);
});

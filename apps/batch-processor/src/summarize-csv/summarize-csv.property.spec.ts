import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ColumnSummarizer, type ColumnType } from './column-summary.ts';
import { InvalidCsvError, summarizeCsv, type CsvSummary } from './summarize-csv.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

/** The summary as it is sent, or the message; any other error than the parser's own is thrown. */
async function summarize(content: string | Uint8Array, size = 64 * 1024): Promise<CsvSummary | string> {
  try {
    return JSON.parse(JSON.stringify(await summarizeCsv(inPieces(Buffer.from(content), size)))) as CsvSummary;
  } catch (error) {
    if (error instanceof InvalidCsvError) return error.message;
    throw error;
  }
}

const typeOf = (value: string) => {
  const summarizer = new ColumnSummarizer('a');
  summarizer.add(value);
  return summarizer.summary().type;
};
const long = (piece: string, length = 100_000) => piece.repeat(Math.ceil(length / piece.length));
const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', ' ', 'a', '\0', '\uFEFF') }),
  fc.constantFrom('', '1', '-2', '1.5', 'true', '2026-01-31'),
);
/** Quotes stand where they must, or everywhere. */
const written = (rows: string[][], lineBreak: string, quotes: boolean) => {
  const inQuotes = (value: string) => (quotes || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  return rows.map((row) => row.map(inQuotes).join(',') + lineBreak).join('');
};
const shown = (text: string) => text.slice(0, 200).replaceAll('\0', '\uFFFD').toWellFormed();

describe('a CSV file', () => {
  const table = fc
    .integer({ min: 2, max: 4 })
    .chain((width) =>
      fc.array(fc.array(value, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }),
    );

  /** Under a header of c0, c1 and so on. */
  const headed = (rows: string[][]) => [rows.at(0)!.map((_, i) => `c${i}`), ...rows];
  const lineBreak = fc.constantFrom('\n', '\r\n');
  const size = fc.integer({ min: 1, max: 9 });

  it('is read as it was written, in whichever pieces [csv-syntax, RFC 4180 §2]', async () => {
    await fc.assert(
      fc.asyncProperty(table, lineBreak, fc.boolean(), size, async (rows, lineBreak, quotes, size) => {
        const found = (await summarize(written(headed(rows), lineBreak, quotes), size)) as CsvSummary;
        expect(found.rows).toBe(rows.length);
        for (const [i, { type, min, max, mean: _, ...column }] of found.columns.entries()) {
          const filled = rows.map((row) => row.at(i)!).filter((value) => value !== '');
          const [empty, distinct] = [rows.length - filled.length, new Set(filled).size];
          expect(column).toEqual({ name: `c${i}`, empty, distinct, distinctExact: true });
          if (type !== 'text') continue;
          const inOrder = filled.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map(shown);
          expect([min, max]).toEqual([inOrder.at(0), inOrder.at(-1)]);
        }
      }),
    );
  });

  it('is refused with a value more or less, or a quote that does not end [csv-syntax, RFC 4180 §2]', async () => {
    await fc.assert(
      fc.asyncProperty(table, lineBreak, size, async (rows, lineBreak, size) => {
        const text = written(headed(rows), lineBreak, true);
        for (const end of ['"x"', '"x","x","x","x","x"', '"x","x', 'x"y",x']) {
          expect(await summarize(text + end + lineBreak, size)).toMatch(/line|Quote/);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is summarized or refused, whatever its bytes are [csv-syntax, RFC 4180 §2]', async () => {
    const parts = fc.constantFrom('a', '1', '"', ',', '\n', '\r', '\0', 'é', '\uFEFF', '.', 'e');
    const bytes = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.string({ unit: parts }).map((text) => Buffer.from(text)),
      table.map((rows) => Buffer.from(written(rows, '\n', false))),
    );
    await fc.assert(
      fc.asyncProperty(bytes, size, async (bytes, size) => {
        const found = await summarize(bytes, size);
        expect(await summarize(bytes)).toEqual(found);
        if (typeof found === 'string') return;
        // As the jobs API takes it.
        for (const { name, min, max, mean } of found.columns) {
          const texts = [name, min, max].filter((value) => typeof value === 'string');
          expect(texts.filter((text) => text.includes('\0') || !text.isWellFormed())).toEqual([]);
          expect([min, max, mean].filter((value) => typeof value === 'number' && !Number.isFinite(value))).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each(['"', ',', '\n', '\r', '1', 'a,', '"a",', '\0', '"\n', '\uFEFF'])(
    'is summarized or refused with 100,000 characters of %j [csv-syntax, RFC 4180 §2]',
    async (piece) => {
      for (const text of [long(piece), `a\n"${long(piece)}`]) {
        const found = await summarize(text);
        expect(typeof found === 'string' || found.rows >= 0).toBe(true);
      }
    },
  );
});

describe('the type of a column', () => {
  it('is that of its values [column-types, Lanyard]', async () => {
    const numbers: [ColumnType, fc.Arbitrary<string>][] = [
      ['integer', fc.integer().map(String)],
      ['number', fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map((number) => number.toFixed(3))],
    ];
    const column = fc
      .constantFrom(...numbers)
      .chain(([type, value]) => fc.array(value, { minLength: 1 }).map((values) => ({ type, values })));
    await fc.assert(
      fc.asyncProperty(column, async ({ type, values }) => {
        const found = (await summarize(`a,b\n${values.map((value) => `${value},\n`).join('')}`)) as CsvSummary;
        const all = values.map((value) => Number(value) + 0);
        expect(found.columns[0]).toMatchObject({ type, min: Math.min(...all), max: Math.max(...all) });
        const mean = all.reduce((sum, one) => sum + one / all.length, 0);
        const scale = Math.max(...all.map(Math.abs), 1);
        expect(Number(found.columns[0]?.mean) / scale).toBeCloseTo(mean / scale);
      }),
    );
  });

  it('is a number where JavaScript reads it as one in decimal [column-types, Lanyard]', () => {
    const text = fc.string({
      unit: fc.constantFrom('1', '0', '.', '-', '+', 'e', 'E', ' ', 'x', '_', 'n'),
      minLength: 1,
    });
    fc.assert(
      fc.property(
        fc.oneof(text, fc.double().map(String), fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }).map(String)),
        (text) => {
          const exponent = /e[+-]?(\d+)$/i.exec(text)?.[1] ?? '';
          const isNumber = !/[xX_n\s]|Infinity/.test(text) && !Number.isNaN(Number(text)) && exponent.length <= 3;
          const isInteger = isNumber && /^[+-]?[0-9]+$/.test(text) && text.replace(/[+-]/, '').length <= 15;
          expect(['integer', 'number'].includes(typeOf(text))).toBe(isNumber);
          expect(typeOf(text) === 'integer').toBe(isInteger);
        },
      ),
      { numRuns: 500 },
    );
  });

  // A record may have a million characters, all of them in one value.
  it.each(['1', '-', '.', '1.', '.1', '1e', 'e', '0', 'true', '2026-01-31', '2026-01-31T10:00:00.1', ':'])(
    'is found for 1,000,000 characters of %j [column-types, Lanyard]',
    (piece) => {
      const starts = ['', '+', '1.', '2026-01-31T10:00:00.'];
      expect(starts.map((start) => typeOf(`${start}${long(piece, 1_000_000)}x`))).toEqual(starts.map(() => 'text'));
    },
  );
});

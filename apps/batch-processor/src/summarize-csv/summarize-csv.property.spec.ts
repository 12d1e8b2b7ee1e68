import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ColumnSummarizer, type ColumnType } from './column-summary.ts';
import { InvalidCsvError } from './invalid-csv.error.ts';
import type { CsvSummary } from '@lanyard/jobs-contract';
import { summarizeCsv, type CsvOptions } from './summarize-csv.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

/** The summary as it is sent, or the message of an InvalidCsvError; throws any other error. */
async function summarize(
  content: string | Uint8Array,
  size = 64 * 1024,
  options: CsvOptions = {},
): Promise<CsvSummary | string> {
  try {
    return JSON.parse(JSON.stringify(await summarizeCsv(inPieces(Buffer.from(content), size), options))) as CsvSummary;
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
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
  fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', ' ', 'a', '\uFEFF') }),
  fc.constantFrom('', '1', '-2', '1.5', 'true', '2026-01-31'),
);
/** Writes rows with quotes only where they are required, or everywhere. */
const written = (rows: string[][], lineBreak: string, quotes: boolean) => {
  const inQuotes = (value: string) => (quotes || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  return rows.map((row) => row.map(inQuotes).join(',') + lineBreak).join('');
};

describe('a CSV file', () => {
  const table = fc
    .integer({ min: 2, max: 4 })
    .chain((width) =>
      fc.array(fc.array(value, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }),
    );

  /** Adds a header of c0, c1 and so on. */
  const headed = (rows: string[][]) => [rows.at(0)!.map((_, i) => `c${i}`), ...rows];
  const lineBreak = fc.constantFrom('\n', '\r\n', '\r');
  const size = fc.integer({ min: 1, max: 9 });

  it('is read as it was written, in pieces of any size [csv-syntax, RFC 4180 §2]', async () => {
    await fc.assert(
      fc.asyncProperty(table, lineBreak, fc.boolean(), size, async (rows, lineBreak, quotes, size) => {
        const text = written(headed(rows), lineBreak, quotes);
        const found = (await summarize(text, size, { delimiter: ',' })) as CsvSummary;
        expect(found.rows).toBe(rows.length);
        for (const [i, { type, min, max, mean: _, ...column }] of found.columns.entries()) {
          const filled = rows.map((row) => row.at(i)!).filter((value) => value !== '');
          const [empty, distinct] = [rows.length - filled.length, new Set(filled).size];
          expect(column).toEqual({ name: `c${i}`, empty, distinct, distinctExact: true });
          if (type !== 'text') continue;
          const inOrder = filled.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
          expect([min, max]).toEqual([inOrder.at(0), inOrder.at(-1)]);
        }
      }),
    );
  });

  it('is refused with one value too many or too few, or an unclosed quote [csv-syntax, RFC 4180 §2]', async () => {
    await fc.assert(
      fc.asyncProperty(table, lineBreak, size, async (rows, lineBreak, size) => {
        const text = written(headed(rows), lineBreak, true);
        for (const end of ['"x"', '"x","x","x","x","x"', '"x","x', 'x"y",x']) {
          expect(await summarize(text + end + lineBreak, size)).toMatch(/^line \d+, read with the delimiter ",": /);
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
        // Within what the jobs API accepts.
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
  it('is the type of its values [column-types, Lanyard]', async () => {
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

  it('is a number if the text is a decimal number without a leading zero [column-types, Lanyard]', () => {
    const text = fc.string({
      unit: fc.constantFrom('1', '0', '.', '-', '+', 'e', 'E', ' ', 'x', '_', 'n'),
      minLength: 1,
    });
    fc.assert(
      fc.property(
        fc.oneof(text, fc.double().map(String), fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }).map(String)),
        (text) => {
          const exponent = /e[+-]?(\d+)$/i.exec(text)?.[1] ?? '';
          const isNumber =
            !/[xX_n\s]|Infinity|^[+-]?0\d/.test(text) && !Number.isNaN(Number(text)) && exponent.length <= 3;
          expect(['integer', 'number'].includes(typeOf(text))).toBe(isNumber);
          expect(typeOf(text) === 'integer').toBe(isNumber && /^[+-]?\d+$/.test(text));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of numbers comes with exact extremes and an exact mean, however many digits they have [exact-numbers, RFC 8259 §6]', () => {
    const places = 400;
    /** In units of the last place, so that all can be compared exactly. */
    const units = (text: string) => {
      const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
      const [whole = '', fraction = ''] = mantissa.split('.');
      return BigInt(whole + fraction) * 10n ** BigInt(places - fraction.length + Number(exponent));
    };
    const decimal = fc
      .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.nat(20), fc.nat(30))
      .map(([number, decimals, divided]) => {
        const digits = String(number / 10n ** BigInt(divided))
          .replace('-', '')
          .padStart(decimals + 1, '0');
        const point = digits.length - decimals;
        const text = decimals > 0 ? `${digits.slice(0, point)}.${digits.slice(point)}` : digits;
        return number < 0n ? `-${text}` : text;
      });
    // Many numbers that become the same double, or are close to it.
    const close = fc.nat(9).map((digit) => `900719925474099${digit}.00000000000000000${digit}`);
    const value = fc.oneof(decimal, close, fc.double({ noNaN: true, min: -1e100, max: 1e100 }).map(String));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 30 }), (values) => {
        const summarizer = new ColumnSummarizer('a');
        for (const value of values) summarizer.add(value);
        const { min, max, mean } = JSON.parse(JSON.stringify(summarizer.summary()));
        const inOrder = values.map(units).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        expect([units(String(min)), units(String(max))]).toEqual([inOrder.at(0), inOrder.at(-1)]);
        const exact = inOrder.reduce((sum, one) => sum + one, 0n) / BigInt(values.length);
        const away = units(String(mean)) - exact;
        const size = exact < 0n ? -exact : exact;
        expect((away < 0n ? -away : away) * 10n ** 14n <= size + 10n ** 15n).toBe(true);
        for (const shown of [min, max, mean]) {
          if (typeof shown === 'number' && Number.isInteger(shown)) expect(Number.isSafeInteger(shown)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  // A record may have a million characters, all of them in one value.
  it.each(['1', '-', '.', '1.', '.1', '1e', 'e', '0', 'true', '2026-01-31', '2026-01-31T10:00:00.1', ':'])(
    'is detected for 1,000,000 characters of %j [column-types, Lanyard]',
    (piece) => {
      const starts = ['', '+', '1.', '2026-01-31T10:00:00.'];
      expect(starts.map((start) => typeOf(`${start}${long(piece, 1_000_000)}x`))).toEqual(starts.map(() => 'text'));
    },
  );
});

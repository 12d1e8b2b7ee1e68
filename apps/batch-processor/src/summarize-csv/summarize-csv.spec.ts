import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { ColumnSummarizer } from './column-summary.ts';
import { summarizeCsv } from './summarize-csv.ts';

async function* inPieces(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}
const summarize = (text: string) => summarizeCsv(inPieces(text));
const column = async (values: string[]) =>
  (await summarize(`x,y\n${values.map((value) => `${value},\n`).join('')}`)).columns[0];

describe('summarizeCsv', () => {
  it('counts rows and describes each column', async () => {
    expect(
      await summarize('\uFEFFcity,inhabitants,area\r\nBern,134794,51.6\r\n"Biel, Bienne",55206,\r\nBern,1,2e1\r\n'),
    ).toEqual({
      rows: 3,
      columns: [
        {
          name: 'city',
          type: 'text',
          empty: 0,
          distinct: 2,
          distinctExact: true,
          min: 'Bern',
          max: 'Biel, Bienne',
          mean: null,
        },
        {
          name: 'inhabitants',
          type: 'integer',
          empty: 0,
          distinct: 3,
          distinctExact: true,
          min: 1,
          max: 134_794,
          mean: expect.closeTo((134_794 + 55_206 + 1) / 3),
        },
        { name: 'area', type: 'number', empty: 1, distinct: 2, distinctExact: true, min: 20, max: 51.6, mean: 35.8 },
      ],
    });
  });

  it.each([
    [['1', '-2', '+3'], 'integer', -2, 3],
    [['1', '2.5', '.5', '1e3'], 'number', 0.5, 1000],
    [['true', 'False'], 'boolean', 'False', 'true'],
    [['2024-01-31', '2023-12-01T10:00:00Z'], 'date', '2023-12-01T10:00:00Z', '2024-01-31'],
    [['1', 'x', '2'], 'text', '1', 'x'],
    [['10', '9', 'n/a'], 'text', '10', 'n/a'],
    [['', ''], 'empty', null, null],
    [['12345678901234567890'], 'number', 12345678901234567890, 12345678901234567890],
    [['1e999'], 'number', 'Infinity', 'Infinity'],
    [['0x10', 'NaN', 'Infinity'], 'text', '0x10', 'NaN'],
  ])('takes %j for %s', async (values, type, min, max) => {
    expect(await column(values)).toMatchObject({ type, min, max });
  });

  it('reads quotes, line breaks in values, and empty lines', async () => {
    const { rows, columns } = await summarize('a,b\n"say ""hi""\nthere",1\n\n"x",2\n');
    expect([rows, columns[0]?.min]).toEqual([2, 'say "hi"\nthere']);
  });

  it('stops counting distinct values where there are many', async () => {
    const many = `id\n${Array.from({ length: 10_050 }, (_, i) => i).join('\n')}`;
    const summary = await summarizeCsv(inPieces(many, 65_536));
    expect(summary.columns[0]).toMatchObject({ distinct: 10_000, distinctExact: false, max: 10_049 });
  });

  it('tells long values apart, and keeps no more of them than of short ones', () => {
    const summarizer = new ColumnSummarizer('long');
    for (const end of ['a', 'b', 'b']) summarizer.add('x'.repeat(100_000) + end);
    expect(summarizer.summary().distinct).toBe(2);
    const kept = [...(Reflect.get(summarizer, 'distinct') as Set<string>)];
    expect(Math.max(...kept.map(({ length }) => length))).toBeLessThan(101);
  });

  it('names columns that have no name, and lets no NUL through', async () => {
    expect((await summarize('a\0b,\nx\0y,1\n')).columns).toMatchObject([
      { name: 'a\uFFFDb', min: 'x\uFFFDy' },
      { name: 'column 2' },
    ]);
  });

  it('summarizes a header alone', async () => {
    expect(await summarize('a\n')).toMatchObject({ rows: 0, columns: [{ type: 'empty' }] });
  });

  it.each([
    ['nothing', '', 'the file is empty'],
    ['a row with another number of columns', 'a,b\n1,2\n3\n', 'on line 3'],
    ['a quote without end', 'a\n"x\n', 'Quote'],
    ['a quote in the middle', 'a\nx"y"\n', 'Quote'],
    ['too many columns', `${','.repeat(1000)}\n`, 'more than 1000 columns'],
    ['a record without end', `a\n${'x'.repeat(1_100_000)}`, 'Max Record Size'],
  ])('refuses %s', async (_, text, message) => {
    await expect(summarizeCsv(inPieces(text, 65_536))).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidCsvError', message: expect.stringContaining(message) }),
    );
  });

  it('stops when told to', async () => {
    const abort = new AbortController();
    async function* endless() {
      yield Buffer.from('a\n');
      for (;;) {
        yield Buffer.from('1\n');
        await new Promise((resolve) => setTimeout(resolve, 1));
        abort.abort();
      }
    }
    await expect(summarizeCsv(endless(), abort.signal)).rejects.toThrow('aborted');
  });

  it('holds no more of a file ten times as large', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    /** Bytes that are in use at the end of the file, while it is summarized. */
    const heldOf = async (rows: number) => {
      let held = 0;
      async function* content() {
        yield Buffer.from('id,name,value\n');
        for (let i = 0; i < rows; i += 1000)
          yield Buffer.from(Array.from({ length: 1000 }, (_, j) => `${i + j},name ${j},${(i + j) / 7}\n`).join(''));
        collectGarbage();
        const { heapUsed, arrayBuffers } = process.memoryUsage();
        held = heapUsed + arrayBuffers;
      }
      await summarizeCsv(content());
      return held;
    };
    // Both have more distinct values than are kept of them.
    const small = await heldOf(20_000);
    expect((await heldOf(200_000)) - small).toBeLessThan(2_000_000);
  });
});

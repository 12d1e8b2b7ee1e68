import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, jest } from '@jest/globals';
import { ColumnSummarizer } from './column-summary.ts';
import { CsvSummarizer } from './csv-summarizer.ts';
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
      charset: 'utf-8',
      delimiter: ',',
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
          mean: 63333.6666666667,
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
    [['-9007199254740991', '9007199254740991'], 'integer', -9007199254740991, 9007199254740991],
    [['9007199254740993', '9007199254740995', '7'], 'integer', 7, '9007199254740995'],
    [['+12345678901234567891', '12345678901234567890'], 'integer', '12345678901234567890', '12345678901234567891'],
    [['0.12345678901234567', '0.12345678901234568'], 'number', '0.12345678901234567', 0.12345678901234568],
    [['-0.1', '1.50', '1.5'], 'number', -0.1, 1.5],
    [['2e999', '1e999', '-1e-999'], 'number', '-1e-999', '2e999'],
    [['0x10', 'NaN', 'Infinity'], 'text', '0x10', 'NaN'],
    // An article number or a postal code: without its leading zero it would be a different one.
    [['01234', '99'], 'text', '01234', '99'],
  ])('reads %j as %s', async (values, type, min, max) => {
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

  it('distinguishes long values, and keeps only a short digest of each', () => {
    const summarizer = new ColumnSummarizer('long');
    for (const end of ['a', 'b', 'b']) summarizer.add('x'.repeat(100_000) + end);
    expect(summarizer.summary().distinct).toBe(2);
    const kept = [...(Reflect.get(summarizer, 'distinct') as Set<string>)];
    expect(Math.max(...kept.map(({ length }) => length))).toBeLessThan(101);
  });

  it('names columns that have no name', async () => {
    expect((await summarize('a,\nx,1\n')).columns).toMatchObject([{ name: 'a' }, { name: 'column 2' }]);
  });

  it.each(['sep=;\n', '"sep=;"\r\n', 'SEP=;\r'])(
    'reads %j as a declaration of the delimiter, as Excel does',
    async (declaration) => {
      expect(await summarize(`${declaration}a;b,c\n1;2\n`)).toMatchObject({
        delimiter: ';',
        rows: 1,
        columns: [{ name: 'a', max: 1 }, { name: 'b,c' }],
      });
      await expect(summarize(`${declaration}a;b\n1;2\n3\n`)).rejects.toThrow('line 4, ');
      expect(await summarizeCsv(inPieces(`${declaration}a,b\n1,2\n`, 2), { delimiter: ',' })).toMatchObject({
        delimiter: ',',
        rows: 1,
      });
    },
  );

  it.each(['2024-02-30', '2024-04-31', '2024-13-01', '2024-01-01T24:00', '2024-01-01T00:60'])(
    'reads %s as text, as the date does not exist',
    async (text) => {
      expect(await column([text])).toMatchObject({ type: 'text' });
    },
  );

  it('marks a text that was shortened', async () => {
    expect(await column(['x'.repeat(200), `${'y'.repeat(198)}😀z`])).toMatchObject({
      min: 'x'.repeat(200),
      max: `${'y'.repeat(198)}…`,
    });
  });

  it.each([
    ['few digits', ['0.1', '0.2', '0.3'], 0.2],
    ['many small ones', Array.from({ length: 10_000 }, (_, i) => (i % 2 ? '0.1' : '99999999999.3')), 49999999999.7],
    ['large integers', ['9007199254740993', '9007199254740995', '9007199254740993'], '9007199254740993.67'],
    ['sums over 2^53', Array.from({ length: 20 }, () => '999999999999999'), 999999999999999],
    ['large exponents', ['1e300', '3e300'], '2e+300'],
    ['the largest and the smallest', ['9e999', '-9e999', '3e-999'], '1e-999'],
  ])('computes the exact mean of %s', async (_, values, mean) => {
    expect(await column(values)).toMatchObject({ mean });
  });

  it('summarizes a file that has only a header', async () => {
    expect(await summarize('a\n')).toMatchObject({ rows: 0, columns: [{ type: 'empty' }] });
  });

  it.each([
    ['LF, then CRLF', 'id,n\n1,2\r\n3,4\r\n'],
    ['CRLF, then LF', 'id,n\r\n1,2\n3,4\n'],
    ['CR', 'id,n\r1,2\r3,4'],
    ['a mixture', 'id,n\r1,2\r\n\r\n3,4\n\r'],
    ['quotes before each', '"id","n"\n"1","2"\r\n"3","4"\r'],
  ])('reads line ends: %s', async (_, text) => {
    const { rows, columns } = await summarize(text);
    expect(rows).toBe(2);
    expect(columns).toMatchObject([
      { name: 'id', type: 'integer', min: 1, max: 3 },
      { name: 'n', type: 'integer', min: 2, max: 4 },
    ]);
  });

  it.each([
    ['nothing', '', 'the file is empty'],
    ['only white space', '\n\n  \n', 'the file is empty'],
    [
      'a row with one value too few',
      'a,b\n1,2\n3\n',
      'line 3, read with the delimiter ",": 1 value, and the header has 2',
    ],
    [
      'a row with one value too many, after empty lines and line ends in quotes',
      'a;b\r\n"x\r\ny";2\r\n\r\n\n1;2;3\r\n',
      'line 6, read with the delimiter ";": 3 values, and the header has 2',
    ],
    [
      'a quote without end',
      'a,b\n1,2\n"x,1\n2,3\n',
      'line 3, read with the delimiter ",": a quote that is never closed',
    ],
    ['a quote in the middle', 'a,b\nx"y",2\n', 'line 2, read with the delimiter ",": a quote within a value that'],
    [
      'a value that continues after its closing quote',
      'a,b\n1,2\n"x"y,2\n',
      'line 3, read with the delimiter ",": a quote that ends',
    ],
    ['too many columns', `${','.repeat(1000)}\n`, 'more than 1000 columns'],
    [
      'a record without end',
      `a\n${'x'.repeat(1_100_000)}`,
      'line 2, read with the delimiter ",": a record of more than',
    ],
    ['a line without end', 'x'.repeat(5_000_000), 'line 1 has more than 4194304 bytes'],
    ['a NUL', 'a,b\n1,2\n3,\0\n', 'line 3 has a NUL character'],
  ])('refuses %s', async (_, text, message) => {
    await expect(summarizeCsv(inPieces(text, 65_536))).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidCsvError', message: expect.stringContaining(message) }),
    );
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('reports the line of the fault, in pieces of any size (%#)', async (seed) => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i},"v${i}"`);
    rows[15_000 + seed] = 'one';
    await expect(summarizeCsv(inPieces(['a,b', ...rows].join('\r\n'), 1000 + seed))).rejects.toThrow(
      `line ${15_002 + seed}, read with the delimiter ",": 1 value, and the header has 2`,
    );
  });

  it('detects the delimiter of a file whose header is longer than the sample', async () => {
    const header = Array.from({ length: 1000 }, (_, i) => `${'x'.repeat(125)}${i}`).join(';');
    const row = Array.from({ length: 1000 }, (_, i) => i).join(';');
    const { delimiter, rows, columns } = await summarizeCsv(inPieces(`${header}\n${row}\n${row}\n`, 65_536));
    expect([delimiter, rows, columns.length]).toEqual([';', 2, 1000]);
  });

  it.each([
    ['is compressed', Buffer.from([0x1f, 0x8b, 8, 0])],
    ['is not UTF-8', Buffer.from('a,b\n\xFF\n', 'latin1')],
    ['has a quote that ends too early', Buffer.from('a,b\n"x"y,2\n')],
    ['may have two delimiters', Buffer.from('a,b;c\n1,2;3\n')],
  ])('stops reading a file that %s', async (_, start) => {
    const cancelled = jest.fn<() => void>();
    const piece = Buffer.concat([start, Buffer.alloc(70_000, '1,2;3\n')]);
    const file = new ReadableStream({ pull: (controller) => controller.enqueue(piece), cancel: cancelled });
    await expect(summarizeCsv(file)).rejects.toThrow('');
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  it('does not keep empty lines in memory', async () => {
    const summarizer = new CsvSummarizer(',');
    summarizer.add({ bytes: Buffer.from('a,b\n1,2\n'), line: 1 });
    for (let i = 0; i < 100; i++) summarizer.add({ bytes: Buffer.alloc(1000, '\n'), line: 3 + i * 1000 });
    expect(Reflect.get(summarizer, 'ahead')).toHaveLength(0);
    summarizer.add({ bytes: Buffer.from('\n\n1,2,3\n'), line: 100_003 });
    await expect(summarizer.summary()).rejects.toThrow('line 100005, read with the delimiter ",": 3 values');
  });

  it('stops when it is aborted', async () => {
    const abort = new AbortController();
    async function* endless() {
      yield Buffer.from('a\n');
      for (;;) {
        yield Buffer.from('1\n');
        await new Promise((resolve) => setTimeout(resolve, 1));
        abort.abort();
      }
    }
    await expect(summarizeCsv(endless(), { signal: abort.signal })).rejects.toThrow('aborted');
  });

  it('uses no more memory for a file ten times as large', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    /** Bytes in use at the end of the file, before the summary is complete. */
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
    // Both files have more distinct values than the summarizer keeps.
    const small = await heldOf(20_000);
    expect((await heldOf(200_000)) - small).toBeLessThan(2_000_000);
  });
});

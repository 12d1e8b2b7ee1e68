import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { openText } from './text-file.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function read(bytes: Uint8Array, size = 7, charset?: string) {
  const file = await openText(inPieces(bytes, size), charset);
  let text = '';
  for await (const { bytes, line } of file.pieces) {
    expect(line).toBe((text.match(/\r\n|\n|\r/g)?.length ?? 0) + 1);
    text += bytes.toString();
  }
  return { charset: file.charset, text };
}

const text = 'Straße;€\r\n"ein\nzwei";😀\rdrei;4\n\r\n';
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

describe('a text file', () => {
  it.each([
    ['UTF-8', Buffer.from(text), undefined, 'utf-8'],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${text}`), undefined, 'utf-8'],
    ['UTF-16 with a mark', Buffer.from(`\uFEFF${text}`, 'utf16le'), undefined, 'utf-16le'],
    ['UTF-16, high bytes first, with a mark', utf16be(`\uFEFF${text}`), undefined, 'utf-16be'],
    ['UTF-16, given', Buffer.from(text, 'utf16le'), 'UTF-16LE', 'utf-16le'],
    ['UTF-16, high bytes first, given', utf16be(text), 'utf-16be', 'utf-16be'],
  ])('is read in %s, in pieces of any size', async (_, bytes, given, charset) => {
    for (let size = 1; size <= 20; size++) expect(await read(bytes, size, given)).toEqual({ charset, text });
  });

  it('is read in the character set that is given', async () => {
    const bytes = Buffer.from('Stra\xDFe;\x80\n', 'latin1');
    expect(await read(bytes, 7, 'latin1')).toEqual({ charset: 'windows-1252', text: 'Straße;€\n' });
    await expect(read(bytes, 7, 'klingon')).rejects.toThrow('unknown charset klingon');
  });

  it('keeps a byte order mark that is not at the start', async () => {
    expect((await read(Buffer.from('a\n\uFEFFb\n'), 2)).text).toBe('a\n\uFEFFb\n');
  });

  it('yields all lines before the invalid one in one piece', async () => {
    const file = await openText(inPieces(Buffer.from(`${'\n'.repeat(50_000)}\xFF\n`, 'latin1'), 60_000));
    const lengths: number[] = [];
    const read = async () => {
      for await (const { bytes } of file.pieces) lengths.push(bytes.length);
    };
    await expect(read()).rejects.toThrow('line 50001 is not UTF-8');
    expect(lengths).toEqual([50_000]);
  });

  it.each([
    ['Latin-1 that is read as UTF-8', Buffer.from('a\r\nb\r\n\xE9\n', 'latin1'), undefined, 'line 3 is not UTF-8'],
    ['an incomplete character', Buffer.from([0x61, 0x0a, 0xe2, 0x82]), undefined, 'line 2 is not UTF-8'],
    ['UTF-8 that is read as UTF-16', Buffer.from('a\nb\n\n'), 'utf-16le', 'line 1 is not UTF-16LE'],
    ['half a pair', Buffer.from('\uFEFFa\r\n\uD83D\r\n', 'utf16le'), undefined, 'line 2 is not UTF-16LE'],
    ['half a pair, high bytes first', utf16be('\uFEFFa\r\n\n\uD83D\r\n'), undefined, 'line 3 is not UTF-16BE'],
    ['UTF-16 without a mark', Buffer.from('a\nb\n', 'utf16le'), undefined, 'line 1 has a NUL character'],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]), undefined, 'line 1 has a NUL character'],
    ['gzip', gzipSync('a,b\n1,2\n'), undefined, 'the file is compressed with gzip'],
    [
      'a workbook',
      Buffer.from('PK\x03\x04\x14\x00', 'latin1'),
      undefined,
      'the file is a ZIP archive or an Excel workbook',
    ],
  ])('is refused: %s', async (_, bytes, charset, message) => {
    for (let size = 1; size <= 8; size++) {
      await expect(read(bytes, size, charset)).rejects.toMatchObject({
        name: 'InvalidCsvError',
        message: expect.stringContaining(message),
      });
    }
  });
});

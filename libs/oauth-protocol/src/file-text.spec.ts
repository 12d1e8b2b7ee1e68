import { describe, expect, it } from '@jest/globals';
import { decodeText } from './index.ts';

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

describe('the text of a file', () => {
  it.each([
    ['UTF-8', Buffer.from('Straße\r\n')],
    ['UTF-8 with a byte order mark', Buffer.from('\uFEFFStraße\r\n')],
    ['UTF-16, as Windows PowerShell writes it', Buffer.from('\uFEFFStraße\r\n', 'utf16le')],
    ['UTF-16, high bytes first', utf16be('\uFEFFStraße\r\n')],
  ])('is read in %s', (_, bytes) => {
    expect(decodeText(bytes)).toBe('Straße\r\n');
  });

  it.each([
    ['Latin-1', Buffer.from('Stra\xDFe', 'latin1'), 'is not text in UTF-8: save it as UTF-8'],
    ['half of a surrogate pair', Buffer.from('\uFEFFa\uD83D', 'utf16le'), 'is not text in UTF-16LE'],
    ['UTF-16 without a byte order mark', Buffer.from('hush', 'utf16le'), 'has a NUL character'],
    ['UTF-16 without a byte order mark, high bytes first', utf16be('hush'), 'has a NUL character'],
  ])('is refused in %s, and is not in the message', (_, bytes, message) => {
    expect(() => decodeText(bytes)).toThrow(message);
    expect(() => decodeText(bytes)).not.toThrow(/hush/);
  });
});

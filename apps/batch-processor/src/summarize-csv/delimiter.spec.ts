import { describe, expect, it } from '@jest/globals';
import { detectDelimiter } from './delimiter.ts';

const detect = (text: string, isWhole = true) => detectDelimiter(Buffer.from(text), isWhole);

describe('the delimiter', () => {
  it.each([
    [',', 'a,b\n1,2\n'],
    [';', 'a;b\n1,5;2\n'],
    ['\t', 'a\tb\n1\t2\n'],
    ['|', 'a|b,c|d\n1|2|3\n'],
    [',', '"a;b",c\n"1;2",3\n'],
    [';', '"a,b";c\n"1\n,2";3\n'],
    [undefined, 'a\n1;2\n'],
    [undefined, ''],
    // Invalid with each delimiter: the one that reads the most records leads to the fault.
    [';', 'a;b,c;d\n1;2;3\n4;5;6\n7;8\n'],
    [';', 'a;b,c\n1;"2"\n3;"4"\n5;x"6"\n'],
  ])('is %j in %j', (delimiter, text) => {
    expect(detect(text)).toBe(delimiter);
  });

  it('is detected in a sample that ends in the middle of a record', () => {
    expect(detect('a;b\n1;"2\n1', false)).toBe(';');
    expect(detect('a;b\n', false)).toBe(';');
  });

  it('must be given if two delimiters fit', () => {
    expect(() => detect('a;b,c\n1;2,3\n')).toThrow(
      'the values may be separated by "," or ";": specify the delimiter with the job',
    );
  });
});

import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { InvalidCsvError } from './invalid-csv.error.ts';

const delimiters = [',', ';', '\t', '|'];

/** Each of these ends a record outside of quotes; a file may mix them. */
export const recordDelimiters = ['\r\n', '\n', '\r'];

/**
 * Detects the delimiter: with it, every record of the sample has as many values as the header, and more than one.
 * @param sample   the first lines of a file
 * @param isWhole  whether the sample is the whole file
 * @returns undefined if the header has one value
 * @throws {InvalidCsvError}  if more than one delimiter fits, so that the job must give it
 */
export function detectDelimiter(sample: Buffer, isWhole: boolean): string | undefined {
  const candidates = delimiters
    .filter((delimiter) => sample.includes(delimiter))
    .map((delimiter) => ({ delimiter, ...readWith(delimiter, sample, isWhole) }))
    .filter(({ widths }) => widths[0]! > 1);
  const fitting = candidates.filter(({ isValid, widths, even }) => isValid && even === widths.length);
  if (fitting.length > 1) {
    const names = fitting.map(({ delimiter }) => JSON.stringify(delimiter)).join(' or ');
    throw new InvalidCsvError(`the values may be separated by ${names}: specify the delimiter with the job`);
  }
  // If none fits, the file is invalid: the one that fits the most records leads to the clearest error.
  const [closest] = candidates.toSorted((a, b) => b.even - a.even);
  return (fitting[0] ?? closest)?.delimiter;
}

interface Reading {
  /** how many values each record has */
  widths: number[];
  /** how many records, from the first one on, have as many values as the first */
  even: number;
  /** false: a quote stands where it is not allowed */
  isValid: boolean;
}

function readWith(delimiter: string, sample: Buffer, isWhole: boolean): Reading {
  const widths: number[] = [];
  let isValid = true;
  try {
    parse(sample, {
      delimiter,
      record_delimiter: recordDelimiters,
      skip_empty_lines: true,
      relax_column_count: true,
      on_record: (record: string[]) => {
        widths.push(record.length);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    isValid = !isWhole && error.code === 'CSV_QUOTE_NOT_CLOSED';
  }
  const firstOther = widths.findIndex((width) => width !== widths[0]);
  return { widths, even: firstOther < 0 ? widths.length : firstOther, isValid };
}

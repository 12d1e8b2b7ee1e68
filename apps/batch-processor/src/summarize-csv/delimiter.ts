import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { InvalidCsvError } from './invalid-csv.error.ts';

const delimiters = [',', ';', '\t', '|'];

/** What ends a record outside of quotes, each of them anywhere. */
export const recordDelimiters = ['\r\n', '\n', '\r'];

/**
 * Finds what separates the values: it gives every record of the sample as many as the header, and more than one.
 * @param sample   the first lines of a file
 * @param isWhole  whether the sample is the whole file
 * @returns undefined where the header has one value
 * @throws {InvalidCsvError}  when more than one could, so that it has to be given
 */
export function detectDelimiter(sample: Buffer, isWhole: boolean): string | undefined {
  const candidates = delimiters
    .filter((delimiter) => sample.includes(delimiter))
    .map((delimiter) => ({ delimiter, ...readWith(delimiter, sample, isWhole) }))
    .filter(({ widths }) => widths[0]! > 1);
  const fitting = candidates.filter(({ isValid, widths, even }) => isValid && even === widths.length);
  if (fitting.length > 1) {
    const names = fitting.map(({ delimiter }) => JSON.stringify(delimiter)).join(' or ');
    throw new InvalidCsvError(`the values may be separated by ${names}: give the delimiter with the job`);
  }
  // Where none fits, the file is invalid: what fits longest leads to the place.
  const [longest] = candidates.toSorted((a, b) => b.even - a.even);
  return (fitting[0] ?? longest)?.delimiter;
}

interface Reading {
  /** how many values each record has */
  widths: number[];
  /** how many records, from the first one on, have as many values as that */
  even: number;
  /** false: a quote stands where none may */
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

import { hash } from 'node:crypto';

/** What is known of one column of a CSV file. */
export interface ColumnSummary {
  name: string;
  /** the narrowest that fits every value that is not empty */
  type: ColumnType;
  empty: number;
  distinct: number;
  /** false: there are more than are counted */
  distinctExact: boolean;
  /** by value for numbers, by code unit for the rest; null where all are empty */
  min: number | string | null;
  max: number | string | null;
  /** of numbers alone */
  mean: number | null;
}

const integer = /^[+-]?\d{1,15}$/;
// Digits in one way alone: a value may have a million of them.
const number = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/;
const date = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
const boolean = /^(true|false)$/i;

/** From narrow to wide: the first that fits every value is the column's type. */
const types = [
  ['integer', integer],
  ['number', number],
  ['boolean', boolean],
  ['date', date],
] as const;
export type ColumnType = (typeof types)[number][0] | 'text' | 'empty';

/** More distinct values than this are not counted, so that memory does not grow with the file. */
const distinctLimit = 10_000;
const longestExtreme = 200;

/** A long value is told from others by its digest, since it may have a million characters. */
const apart = (value: string): string => (value.length <= 100 ? value : hash('sha256', value));

/** Takes in the values of a column, one after the other. */
export class ColumnSummarizer {
  private readonly name: string;
  private empty = 0;
  private filled = 0;
  private mean = 0;
  private readonly numbers = new Extremes<number>();
  private readonly texts = new Extremes<string>();
  private readonly distinct = new Set<string>();
  private candidates: (typeof types)[number][] = [...types];

  constructor(name: string) {
    this.name = name;
  }

  add(value: string): void {
    if (value === '') {
      this.empty += 1;
      return;
    }
    this.filled += 1;
    // A candidate that was refuted once stays so.
    if (!this.candidates.every(([, pattern]) => pattern.test(value))) {
      this.candidates = this.candidates.filter(([, pattern]) => pattern.test(value));
    }
    if (this.isNumeric) {
      const numeric = Number(value);
      this.numbers.add(numeric);
      this.mean += (numeric - this.mean) / this.filled;
    }
    this.texts.add(value);
    if (this.distinct.size <= distinctLimit) this.distinct.add(apart(value));
  }

  summary(): ColumnSummary {
    const { min, max } = this.isNumeric ? this.numbers : this.texts;
    return {
      name: this.name,
      type: this.type,
      empty: this.empty,
      distinct: Math.min(this.distinct.size, distinctLimit),
      distinctExact: this.distinct.size <= distinctLimit,
      min: shown(min),
      max: shown(max),
      mean: this.filled > 0 && this.isNumeric ? this.mean : null,
    };
  }

  private get type(): ColumnType {
    if (this.filled === 0) return 'empty';
    return this.candidates[0]?.[0] ?? 'text';
  }

  private get isNumeric(): boolean {
    return this.type === 'integer' || this.type === 'number';
  }
}

class Extremes<Value extends number | string> {
  min: Value | undefined;
  max: Value | undefined;

  add(value: Value): void {
    if (this.min === undefined || value < this.min) this.min = value;
    if (this.max === undefined || value > this.max) this.max = value;
  }
}

/** JSON has no infinity, and the jobs API stores no NUL. */
const shown = (value: number | string | undefined): number | string | null => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return value === undefined ? null : value.slice(0, longestExtreme).replaceAll('\0', '\uFFFD').toWellFormed();
};

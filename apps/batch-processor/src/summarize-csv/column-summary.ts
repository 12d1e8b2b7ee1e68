import { hash } from 'node:crypto';
import type { ColumnSummary } from '@lanyard/jobs-contract';
import { NumberSummarizer } from './number-summary.ts';

// The number of digits is bounded, as a value may have a million. A leading zero marks an identifier.
const integer = /^[+-]?(0|[1-9]\d{0,99})$/;
const number = /^[+-]?((0|[1-9]\d{0,99})(\.\d{0,99})?|\.\d{1,99})([eE][+-]?\d{1,3})?$/;
const day =
  /\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2\d))/;
const time = /(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d+)?)?(?:Z|[+-][01]\d:?[0-5]\d)?/;
const date = new RegExp(`^${day.source}(?:[T ]${time.source})?$`);
const boolean = /^(true|false)$/i;

/** From narrow to wide: the first type that fits every value is the column's type. */
const types = [
  ['integer', integer],
  ['number', number],
  ['boolean', boolean],
  ['date', date],
] as const;
export type ColumnType = (typeof types)[number][0] | 'text' | 'empty';

/** More distinct values than this are not counted, so that memory does not grow with the file. */
const distinctLimit = 10_000;

/** Characters. */
const longestText = 200;

/** A long value is compared by its digest, since it may have a million characters. */
const fingerprintOf = (value: string): string => (value.length <= 100 ? value : hash('sha256', value));

/** Shortens a text for display: an ellipsis marks the cut. */
const shortened = (text: string): string =>
  text.length <= longestText ? text : `${text.slice(0, longestText - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;

/** Summarizes the values of a column, one after the other. */
export class ColumnSummarizer {
  readonly isNamed: boolean;
  private readonly name: string;
  private empty = 0;
  private filled = 0;
  private readonly numbers = new NumberSummarizer();
  private min: string | undefined;
  private max: string | undefined;
  private readonly distinct = new Set<string>();
  private candidates: (typeof types)[number][] = [...types];

  /** @param position  from 0, used if the column has no name */
  constructor(name: string, position = 0) {
    this.isNamed = name !== '';
    this.name = shortened(name) || `column ${position + 1}`;
  }

  add(value: string): void {
    if (value === '') {
      this.empty += 1;
      return;
    }
    this.filled += 1;
    // Once a value rules out a candidate, it stays ruled out.
    if (!this.candidates.every(([, pattern]) => pattern.test(value))) {
      this.candidates = this.candidates.filter(([, pattern]) => pattern.test(value));
    }
    if (this.isNumeric) this.numbers.add(value);
    if (this.min === undefined || value < this.min) this.min = value;
    if (this.max === undefined || value > this.max) this.max = value;
    if (this.distinct.size <= distinctLimit) this.distinct.add(fingerprintOf(value));
  }

  summary(): ColumnSummary {
    const { name, type, empty, filled } = this;
    return {
      name,
      type,
      empty,
      distinct: Math.min(this.distinct.size, distinctLimit),
      distinctExact: this.distinct.size <= distinctLimit,
      ...(filled > 0 && this.isNumeric
        ? this.numbers.summary()
        : { min: shownText(this.min), max: shownText(this.max), mean: null }),
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

const shownText = (text: string | undefined) => (text === undefined ? null : shortened(text));

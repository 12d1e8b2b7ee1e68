import type { Rounds } from '../load.ts';
import { median, spreadOf, type Spread } from '../statistics.ts';

/** One figure of a table. */
export interface Row {
  what: string;
  value: string;
}

export interface Table {
  title: string;
  rows: Row[];
}

/** A line of the budget, and whether it holds. */
export interface BudgetLine {
  what: string;
  value: number;
  /** the value as text, for example with its spread */
  shown: string;
  must: string;
  holds: boolean;
}

/** One bar of the chart. */
export interface Bar {
  group: string;
  name: string;
  perSecond: Spread;
}

/** The results of a measurement. */
export interface Findings {
  tables: Table[];
  budget: BudgetLine[];
  bars?: Bar[];
  /** all raw figures, for further computation */
  figures: Record<string, unknown>;
}

export const digits = (value: number, decimals = 0): string =>
  value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

export const shown = ({ median, from, to }: Spread, decimals = 0, unit = ''): string =>
  `${digits(median, decimals)}${unit} (${digits(from, decimals)}–${digits(to, decimals)})`;

/** Requests per second, and the share of its core that the server used for them. */
export const shownRate = ({ perSecond, busy }: Rounds): string =>
  `${shown(spreadOf(perSecond))}, ${digits(median(busy) * 100)} % of its core`;

export function atLeast(what: string, ratio: Spread, least: number): BudgetLine {
  return { what, value: ratio.median, shown: shown(ratio, 2), must: `≥ ${least}`, holds: ratio.median >= least };
}

export function atMost(what: string, value: number, most: number, text = digits(value, 2)): BudgetLine {
  return { what, value, shown: text, must: `≤ ${most}`, holds: value <= most };
}

import type { ColumnSummary, Job } from '@lanyard/jobs-contract';

/** The fields that count the distinct values of a column. */
export type CountedColumn = Pick<ColumnSummary, 'distinct' | 'distinctExact'>;

/** Formats the count for people: it says "over" if there are more values than were counted. */
export const withDistinct = <Column extends CountedColumn>({ distinctExact, ...column }: Column) => ({
  ...column,
  distinct: distinctExact === false ? `over ${column.distinct}` : column.distinct,
});

export const isDone = ({ status }: Job): boolean => status === 'succeeded' || status === 'failed';

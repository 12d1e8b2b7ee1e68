import type { ColumnSummary, Job } from '@lanyard/jobs-contract';

/** What is shown of how many distinct values a column has. */
export type CountedColumn = Pick<ColumnSummary, 'distinct' | 'distinctExact'>;

/** The count as it is, for people. */
export const withDistinct = <Column extends CountedColumn>({ distinctExact, ...column }: Column) => ({
  ...column,
  distinct: distinctExact === false ? `over ${column.distinct}` : column.distinct,
});

export const isDone = ({ status }: Job): boolean => status === 'succeeded' || status === 'failed';

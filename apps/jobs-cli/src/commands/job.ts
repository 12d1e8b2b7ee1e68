/** What was found in a file. */
interface Summary {
  charset?: string;
  delimiter?: string | null;
  rows: number;
  columns: CountedColumn[];
}

/** A column of a file, in which no more than so many distinct values are counted. */
export interface CountedColumn {
  distinct: number;
  distinctExact?: boolean;
}

/** The count as it is, for people. */
export const withDistinct = <Column extends CountedColumn>({ distinctExact, ...column }: Column) => ({
  ...column,
  distinct: distinctExact === false ? `over ${column.distinct}` : column.distinct,
});

/** A job as the jobs API answers it. */
export interface Job {
  id: string;
  type: string;
  status: 'pending' | 'running' | 'succeeded' | 'failed';
  payload: { file: string; name: string };
  attempts: number;
  maxAttempts: number;
  failure: string | null;
  createdAt: string;
  createdBy: string;
  result: Summary | null;
}

export const isDone = ({ status }: Job): boolean => status === 'succeeded' || status === 'failed';

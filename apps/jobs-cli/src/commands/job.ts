/** What was found in a file. */
interface Summary {
  charset?: string;
  delimiter?: string | null;
  rows: number;
  columns: Record<string, unknown>[];
}

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

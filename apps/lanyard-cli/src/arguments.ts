import { createInterface } from 'node:readline/promises';
import { UsageError } from '@lanyard/command-line';
import { InvalidArgumentError } from 'commander';
import ms, { type StringValue } from 'ms';

/** A duration such as 15m, 24h or 90d. Nothing, as of a variable that is not set, is none. @returns seconds */
export function duration(text: string): number {
  const inSeconds = text.trim() === '' ? Number.NaN : Number(text);
  const found = /^\d+(\.\d+)? ?[a-z]+$/i.test(text) ? ms(text as StringValue) : inSeconds * 1000;
  if (!Number.isFinite(found) || found < 0)
    throw new InvalidArgumentError('must be a duration such as 15m, 24h or 90d');
  return Math.round(found / 1000);
}

/** A moment, or how long ago it was. @returns in the form of RFC 3339 */
export function moment(text: string): string {
  const written = /^\d{4}-/.test(text) ? new Date(text) : new Date(Date.now() - duration(text) * 1000);
  if (Number.isNaN(written.getTime())) throw new InvalidArgumentError('must be a date, or how long ago, such as 24h');
  return written.toISOString();
}

/** Asks whoever sits there; where nobody does, `--yes` must have been said. */
export async function confirm(question: string, { yes }: { yes?: boolean }): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new UsageError(`${question} Say --yes to do it.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Error('nothing was done');
  } finally {
    terminal.close();
  }
}

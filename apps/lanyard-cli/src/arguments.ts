import { createInterface } from 'node:readline/promises';
import { UsageError } from '@lanyard/command-line';
import { InvalidArgumentError } from 'commander';
import ms, { type StringValue } from 'ms';

/** Parses a duration such as 15m, 24h or 90d. Refuses blank text, as from an unset variable. @returns seconds */
export function duration(text: string): number {
  const inSeconds = text.trim() === '' ? Number.NaN : Number(text);
  const found = /^\d+(\.\d+)? ?[a-z]+$/i.test(text) ? ms(text as StringValue) : inSeconds * 1000;
  if (!Number.isFinite(found) || found < 0)
    throw new InvalidArgumentError('must be a duration such as 15m, 24h or 90d');
  return Math.round(found / 1000);
}

/** Parses a date, or a duration before now. @returns an RFC 3339 timestamp */
export function moment(text: string): string {
  const written = /^\d{4}-/.test(text) ? new Date(text) : new Date(Date.now() - duration(text) * 1000);
  if (Number.isNaN(written.getTime())) throw new InvalidArgumentError('must be a date, or how long ago, such as 24h');
  return written.toISOString();
}

/** Asks the user on a terminal; without a terminal, requires `--yes`. */
export async function confirm(question: string, { yes }: { yes?: boolean }): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new UsageError(`${question} Pass --yes to confirm.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Error('nothing was done');
  } finally {
    terminal.close();
  }
}

import { escapeControls } from '@lanyard/oauth-protocol';
import Table from 'cli-table3';

export interface OutputOptions {
  json?: boolean;
}

/** Escapes control characters of text from a server, so that a terminal does not obey them; keeps line breaks. */
export const visible = (text: string): string => text.split('\n').map(escapeControls).join('\n');

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints rows as a table for people; all rows have the columns of the first. */
export function printTable(rows: object[], columns = Object.keys(rows[0] ?? {})): void {
  if (rows.length === 0) return print('(none)');
  const table = new Table({ head: columns, style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => columns.map((column) => shown((row as Record<string, unknown>)[column]))));
  print(table.toString());
}

/** Characters, on a terminal. */
const widestCell = 60;

/** Formats a count, as in "1 job" and "2 jobs". */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = visible(typeof value === 'object' ? JSON.stringify(value) : String(value));
  // Shortens only on a terminal: programs get the full text.
  return process.stdout.isTTY && text.length > widestCell ? `${text.slice(0, widestCell - 1)}…` : text;
}

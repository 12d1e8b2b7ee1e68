import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Records all output for the end-to-end tests, which search it for secrets: in two files in the folder that E2E_RECORD
 * names, if it is set.
 */
export function recordOutput(source: string, text: string): void {
  append('output', text, (line) => `${source}\t${line}\n`);
}

/** Records texts that no line of `output` may contain; for the URL of a database, its password. */
export function recordSecrets(texts: string[]): void {
  for (const text of texts)
    append('secrets', URL.canParse(text) ? new URL(text).password : text, (line) => `${line}\n`);
}

/** What was recorded so far. */
export const readRecord = (file: 'output' | 'secrets'): string =>
  readFileSync(join(process.env.E2E_RECORD ?? '', file), 'utf8');

function append(file: string, text: string, format: (line: string) => string): void {
  const directory = process.env.E2E_RECORD;
  const lines = text.split('\n').filter(Boolean);
  if (!directory || lines.length === 0) return;
  appendFileSync(join(directory, file), lines.map(format).join(''), { mode: 0o600 });
}

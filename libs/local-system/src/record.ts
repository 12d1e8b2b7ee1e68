import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * For the end-to-end tests, which look for secrets in all that was put out: where E2E_RECORD names a folder, it is kept in
 * two files there.
 */
export function recordOutput(source: string, text: string): void {
  append('output', text, (line) => `${source}\t${line}\n`);
}

/** What no line of `output` may have in it; of a database's address, its password. */
export function recordSecrets(texts: string[]): void {
  for (const text of texts)
    append('secrets', URL.canParse(text) ? new URL(text).password : text, (line) => `${line}\n`);
}

function append(file: string, text: string, format: (line: string) => string): void {
  const directory = process.env.E2E_RECORD;
  const lines = text.split('\n').filter(Boolean);
  if (!directory || lines.length === 0) return;
  appendFileSync(join(directory, file), lines.map(format).join(''), { mode: 0o600 });
}

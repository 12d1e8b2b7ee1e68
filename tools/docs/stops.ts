import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineOf, stops, type Stop } from '../../docs/stops.ts';

/** Where the table of stops stands in the README. */
const section = /(?<=<!-- stops: npm run docs writes this table -->\n)[^]*?(?=<!-- end of stops -->)/;

/**
 * The README with its table of stops up to date.
 * @returns also a line for each stop that does not exist
 */
export function readmeWithStops(root: string): { readme: string; faults: string[] } {
  const faults = stops.flatMap(({ file, name, of }) => {
    const text = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
    const isThere = lineOf(text, name) !== undefined && (of === undefined || text.includes(`class ${of} `));
    return isThere ? [] : [`the stop ${of ?? ''} ${name} is not in ${file}`];
  });
  if (faults.length > 0) return { readme: '', faults };
  const rows = stops.map((stop, index) => rowOf(stop, index + 1, readFileSync(join(root, stop.file), 'utf8')));
  const table = `\n${tableOf(['', 'function', 'lines of its file', 'what it does', 'specification'], rows)}\n\n`;
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  if (!section.test(readme)) return { readme: '', faults: ['README.md has no place for the table of stops'] };
  return { readme: readme.replace(section, table), faults };
}

function rowOf({ file, name, of, does, section: rfc }: Stop, number: number, text: string): string[] {
  const called = `\`${of ? `${of}.` : ''}${name}\``;
  const lines = text.trimEnd().split('\n').length;
  const link = `${file}#L${lineOf(text, name)! + 1}`;
  return [String(number), `[${called}](${link})`, String(lines), does, rfc];
}

/** As the formatter writes it; the numbers are on the right. */
function tableOf(head: string[], rows: string[][]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((cells) => cells[column]!.length)));
  const isNumber = (column: number) => rows.every((cells) => /^\d+$/.test(cells[column]!));
  const padded = (cells: string[]) =>
    `| ${cells.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(' | ')} |`;
  const rule = widths.map((width, i) => (isNumber(i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [padded(head), `| ${rule.join(' | ')} |`, ...rows.map(padded)].join('\n');
}

import picocolors from 'picocolors';
import type { BudgetLine, Table } from './report.ts';

const { bold, dim, green, red } = picocolors;
const line = (text = '') => void process.stdout.write(`${text}\n`);

export function printTable({ title, rows }: Table): void {
  line(bold(title));
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const { what, value } of rows) line(`  ${what.padEnd(width)}  ${value}`);
  line();
}

export function printBudget(budget: BudgetLine[]): void {
  line(bold('Budget'));
  const width = Math.max(...budget.map(({ what }) => what.length));
  for (const { what, shown, must, holds } of budget) {
    line(`  ${holds ? green('pass') : red('FAIL')}  ${what.padEnd(width)}  ${must.padEnd(8)} ${shown}`);
  }
  line();
}

export const printLine = (text: string): void => line(dim(text));

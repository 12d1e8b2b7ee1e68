import { InvalidArgumentError } from 'commander';

/** A number above 0 on the command line. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be a positive number');
  return value;
}

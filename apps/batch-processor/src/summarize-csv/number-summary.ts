import { Big } from 'big.js';

/** A number if a double represents it exactly, RFC 8259 section 6; otherwise its digits. */
export type ExactNumber = number | string;

/** A double distinguishes decimals of this many significant digits. */
const digitsOfDouble = 15;

/** Summarizes decimals exactly, with any number of digits; it is fast if they have few. */
export class NumberSummarizer {
  private count = 0;
  private min: Extreme | undefined;
  private max: Extreme | undefined;
  /** Sums of numbers with few digits, as integers, by their number of decimals. */
  private readonly sums: number[] = [];
  /** Sums of all other numbers, as integers, by the power of ten that is their unit. */
  private readonly largeSums = new Map<number, bigint>();
  private digits = digitsOfDouble;

  /** @param text  a decimal, with an exponent or without */
  add(text: string): void {
    const value = Number(text);
    this.count += 1;
    if (!this.min || isLess(value, text, this.min.value, this.min.text)) this.min = { value, text };
    if (!this.max || isLess(this.max.value, this.max.text, value, text)) this.max = { value, text };
    if (text.length <= digitsOfDouble && !/e/i.test(text)) this.addSmall(text, value);
    else this.addLarge(text);
  }

  private addSmall(text: string, value: number): void {
    const point = text.indexOf('.');
    const decimals = point < 0 ? 0 : text.length - point - 1;
    const units = decimals === 0 ? value : Number(text.slice(0, point) + text.slice(point + 1));
    const before = this.sums[decimals] ?? 0;
    const sum = before + units;
    if (Number.isSafeInteger(sum)) this.sums[decimals] = sum;
    else {
      this.addUnits(-decimals, BigInt(before));
      this.sums[decimals] = units;
    }
  }

  private addLarge(text: string): void {
    const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
    const [whole = '', fraction = ''] = mantissa.split('.');
    const units = BigInt(whole + fraction);
    this.digits = Math.max(this.digits, String(units).replace('-', '').length);
    this.addUnits(Number(exponent) - fraction.length, units);
  }

  private addUnits(power: number, units: bigint): void {
    this.largeSums.set(power, (this.largeSums.get(power) ?? 0n) + units);
  }

  /** Requires at least one number. The mean is rounded to 15 digits, or to two more than the longest number has. */
  summary(): { min: ExactNumber; max: ExactNumber; mean: ExactNumber } {
    return { min: shown(this.min!.text), max: shown(this.max!.text), mean: this.mean() };
  }

  private mean(): ExactNumber {
    const large = [...this.largeSums].map(([power, units]) => Big(`${units}e${power}`));
    const small = this.sums.map((units, decimals) => Big(`${units}e-${decimals}`));
    const sum = [...large, ...small.values()].reduce((total, part) => (part ? total.plus(part) : total), Big(0));
    const digits = this.digits > digitsOfDouble ? this.digits + 2 : digitsOfDouble;
    const Exact = Big();
    Exact.DP = Math.max(digits - sum.e + String(this.count).length, 0);
    return shown(new Exact(sum).div(this.count).prec(digits).toString());
  }
}

interface Extreme {
  value: number;
  text: string;
}

/** Doubles keep the order of decimals; two decimals that become the same double are compared by their digits. */
const isLess = (value: number, text: string, thanValue: number, thanText: string): boolean =>
  value < thanValue || (value === thanValue && text !== thanText && big(text).lt(big(thanText)));

const big = (text: string) => Big(text.startsWith('+') ? text.slice(1) : text);

function shown(text: string): ExactNumber {
  const double = Number(text);
  const isExact = Number.isFinite(double) && big(text).eq(double);
  const isInteroperable = Number.isSafeInteger(double) || !Number.isInteger(double);
  if (isExact && isInteroperable) return double;
  return text.startsWith('+') ? text.slice(1) : text;
}

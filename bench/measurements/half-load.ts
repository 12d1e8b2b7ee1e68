import type { Effort } from '../effort.ts';
import { sendEvenly } from '../even-load.ts';
import type { Requests, Subject } from '../load.ts';
import { digits, type Findings } from '../report/report.ts';
import { median, percentile } from '../statistics.ts';

const shares = [0.5, 0.99, 0.999];

/** Measures how long a request takes at half of each server's maximum rate, in alternating rounds. */
export async function measureHalfLoad(
  subjects: (Subject & { requests: Requests; maxRate: number })[],
  { rounds, seconds }: NonNullable<Effort['halfLoad']>,
  progress: (text: string) => void,
): Promise<Pick<Findings, 'tables' | 'figures'>> {
  const measured = subjects.map((subject) => ({
    subject,
    rate: Math.round(subject.maxRate / 2),
    found: [] as number[][],
  }));
  for (let round = 1; round <= rounds; round++) {
    progress(`half load: round ${round} of ${rounds}`);
    for (const { subject, rate, found } of measured) {
      const [answers] = await sendEvenly(subject, [{ request: subject.requests[0]!, perSecond: rate }], seconds);
      found.push(shares.map((share) => percentile(answers!.latencies, share)));
    }
  }
  const medians = measured.map(({ subject: { name }, rate, found }) => {
    const [p50, p99, p999] = shares.map((_, i) => median(found.map((percentiles) => percentiles[i]!)));
    return { name, rate, p50: p50!, p99: p99!, p999: p999!, rounds: found };
  });
  const rows = medians.map(({ name, rate, p50, p99, p999 }) => ({
    what: `${name}, ${digits(rate)} per second`,
    value: `${[p50, p99, p999].map((ms) => digits(ms, 2)).join(' / ')} ms`,
  }));
  return {
    tables: [{ title: `Latency at half load: p50 / p99 / p99.9, medians of ${rounds} rounds`, rows }],
    figures: { 'latency at half load, ms': medians },
  };
}

export interface Count {
  succeeded: number;
  retried: number;
  failed: number;
  /** what failed, a hundred at most: a caller that takes them makes room */
  failures: string[];
}

/** Works as often as is due, however long each piece takes. */
export function steadily(
  perSecond: number,
  work: (index: number) => Promise<{ retries: number } | void>,
): { count: Count; stop: () => Promise<void> } {
  const count: Count = { succeeded: 0, retried: 0, failed: 0, failures: [] };
  const underWay = new Set<Promise<void>>();
  const begun = performance.now();
  let begunWorks = 0;
  const one = async (index: number) => {
    try {
      const { retries = 0 } = (await work(index)) ?? {};
      if (retries > 0) count.retried += 1;
      count.succeeded += 1;
    } catch (error) {
      count.failed += 1;
      if (count.failures.length < 100) count.failures.push(`${new Date().toISOString()} ${String(error)}`);
    }
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - begun) / 1000) * perSecond;
    // What a pause of this process leaves over is dropped, so that no burst follows it.
    begunWorks = Math.max(begunWorks, Math.floor(due - perSecond));
    for (; begunWorks < due; begunWorks++) {
      const working = one(begunWorks).finally(() => underWay.delete(working));
      underWay.add(working);
    }
  }, 10);
  return {
    count,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

export interface Count {
  succeeded: number;
  retried: number;
  failed: number;
  /** the latest failures, at most a hundred: a caller that removes some makes room for more */
  failures: string[];
}

/** Starts work at a constant rate, however long each piece takes. */
export function steadily(
  perSecond: number,
  work: (index: number) => Promise<{ retries: number } | void>,
): { count: Count; stop: () => Promise<void> } {
  const count: Count = { succeeded: 0, retried: 0, failed: 0, failures: [] };
  const inProgress = new Set<Promise<void>>();
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
    // Drops the work that was due during a pause of this process, so that no burst follows.
    begunWorks = Math.max(begunWorks, Math.floor(due - perSecond));
    for (; begunWorks < due; begunWorks++) {
      const working = one(begunWorks).finally(() => inProgress.delete(working));
      inProgress.add(working);
    }
  }, 10);
  return {
    count,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(inProgress);
    },
  };
}

/** @throws if the work has not ended within this many ms; the work itself continues */
export async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error('timeout')), ms);
  return Promise.race([work, timeout.promise]).finally(() => clearTimeout(timer));
}

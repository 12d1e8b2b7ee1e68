/** @throws where the work has not ended within so many ms; it goes on */
export async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error('timeout')), ms);
  return Promise.race([work, timeout.promise]).finally(() => clearTimeout(timer));
}

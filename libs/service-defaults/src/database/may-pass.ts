/**
 * Whether a failure to connect to the database may pass: its host does not answer or is not known yet, it is starting
 * or stopping, or all its connections are in use. Other failures, like a wrong password, do not pass.
 */
export function mayPass(error: unknown): boolean {
  const { code, message } = firstOf(error) as { code?: unknown; message?: unknown };
  // A pooler that cannot reach the database; if it refuses the connection for good, its message has the reason.
  if (code === '08P01') return !/startup parameter|no such|password|auth/i.test(String(message));
  if (typeof code === 'string') return /^(ECONN|EHOST|ENET|ENOTFOUND|EPIPE|ETIMEDOUT|EAI_|08006|53|57P)/.test(code);
  return typeof message === 'string' && /Connection terminated|connection timeout|timeout exceeded/i.test(message);
}

/** The first error of several: a host with several addresses fails with one for each. */
export function firstOf(error: unknown): object {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return typeof first === 'object' && first !== null ? first : {};
}

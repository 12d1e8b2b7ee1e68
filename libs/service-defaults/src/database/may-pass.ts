/**
 * Whether a database that could not be connected to may be there a moment later: its host does not answer or is not known
 * yet, it is starting or stopping, or all its connections are taken. Else, as with a wrong password, it stays so.
 */
export function mayPass(error: unknown): boolean {
  const { code, message } = firstOf(error) as { code?: unknown; message?: unknown };
  // What a pooler says of a database that it cannot reach; of what it takes never, it names the reason.
  if (code === '08P01') return !/startup parameter|no such|password|auth/i.test(String(message));
  if (typeof code === 'string') return /^(ECONN|EHOST|ENET|ENOTFOUND|EPIPE|ETIMEDOUT|EAI_|08006|53|57P)/.test(code);
  return typeof message === 'string' && /Connection terminated|connection timeout|timeout exceeded/i.test(message);
}

/** A host with several addresses fails with an error for each. */
export function firstOf(error: unknown): object {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return typeof first === 'object' && first !== null ? first : {};
}

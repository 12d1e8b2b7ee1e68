/** The attack succeeded, or the deployment has a fault. */
export class NotStopped extends Error {
  override readonly name = 'NotStopped';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new NotStopped(message);
}

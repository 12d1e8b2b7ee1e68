/** The attack went through, or something is wrong with the deployment. */
export class NotStopped extends Error {
  override readonly name = 'NotStopped';
}

export function assert(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new NotStopped(otherwise);
}

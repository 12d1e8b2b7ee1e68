import { z } from 'zod';

const text = z.string().optional().catch(undefined);

/** A problem body, RFC 9457; any other content is read as an empty problem. */
const problemSchema = z
  .looseObject({
    title: text,
    detail: text,
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .catch(undefined),
  })
  .catch({});
export type Problem = z.infer<typeof problemSchema>;

/** An API refused a request. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly status: number;
  readonly problem: Problem;

  /**
   * @param request  the method and URL, for people
   * @param body     the body of the response
   */
  constructor(request: string, status: number, body: unknown) {
    const problem = problemSchema.parse(body);
    const { title, detail, errors = [] } = problem;
    const faults = errors.map(({ field, message }) => `${field}: ${message}`.replace(/^: /, ''));
    const reason = [title, detail, ...faults].filter(Boolean).join(', ');
    super(reason ? `${reason} (${request} answered ${status})` : `${request} answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

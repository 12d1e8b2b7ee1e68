/** A problem body, RFC 9457. */
export interface Problem {
  title?: string;
  detail?: string;
  errors?: { field: string; message: string }[];
}

/** An API refused a request. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly status: number;
  readonly problem: Problem;

  /** @param request  method and address, for people */
  constructor(request: string, status: number, problem: Problem) {
    const { title, detail, errors = [] } = problem;
    const faults = errors.map(({ field, message }) => `${field}: ${message}`.replace(/^: /, ''));
    const reason = [title, detail, ...faults].filter(Boolean).join(', ');
    super(reason ? `${reason} (${request} answered ${status})` : `${request} answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

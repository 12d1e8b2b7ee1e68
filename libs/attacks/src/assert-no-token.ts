import { call, counted, type Request } from './http.ts';
import { assert } from './not-stopped.ts';
import type { Target } from './target.ts';

export const grant = 'grant_type=client_credentials';
export const formType = 'application/x-www-form-urlencoded';

/** Each request, by its name, must get one of these answers and no token. */
export async function assertNoToken(
  { tokenEndpoint }: Target,
  requests: Record<string, Request & { path?: string }>,
  errors: string[],
): Promise<string> {
  const answers: string[] = [];
  for (const [name, { path = '', ...request }] of Object.entries(requests)) {
    const { status, body, headers } = await call(tokenEndpoint + path, request);
    const answer = `${status} ${String(body.error ?? '')}`.trim();
    // Failures are counted: repeated attacks have to wait.
    const expected = [...errors, '429 temporarily_unavailable'];
    assert(body.access_token === undefined && expected.includes(answer), `${name}: ${answer}`);
    assert(status === 404 || headers['cache-control'] === 'no-store', `${name}: the answer may be cached`);
    answers.push(answer);
  }
  return counted(answers);
}

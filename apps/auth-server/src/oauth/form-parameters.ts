import { OAuthError } from '@lanyard/oauth-protocol';

/** The parameters of a form-encoded request. */
export type FormParameters = ReadonlyMap<string, string>;

/** The maximum number of parameters in a request, far more than any endpoint takes. */
const maxParameters = 50;

/** A parameter sent twice is refused, an empty one counts as omitted, RFC 6749 section 3.2. */
export function parseForm(body: string): FormParameters {
  const parameters = new Map<string, string>();
  const names = new Set<string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (names.has(name)) throw repeated(name);
    names.add(name);
    if (names.size > maxParameters) throw new OAuthError('invalid_request', 'there are too many parameters');
    if (value !== '') parameters.set(name, value);
  }
  return parameters;
}

/** A token is for one resource, though RFC 8707 section 2 lets a client request several. */
const repeated = (name: string) =>
  name === 'resource'
    ? new OAuthError('invalid_target', 'a token is for one resource: request one token for each')
    : new OAuthError('invalid_request', 'a parameter is repeated');

/** The `token` of a request about a token, RFC 7009 section 2.1, RFC 7662 section 2.1. */
export function requireToken(form: FormParameters): string {
  const token = form.get('token');
  if (token === undefined) throw new OAuthError('invalid_request', 'token is missing');
  return token;
}

/** The form of a request; one without a body has no parameters. */
export function formOf(body: unknown): FormParameters {
  return body instanceof Map ? body : new Map();
}

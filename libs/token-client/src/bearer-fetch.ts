import type { AccessToken, Fetch } from './options.ts';

interface Tokens {
  getToken(): Promise<AccessToken>;
  drop(token: AccessToken): void;
}

/**
 * `fetch` with an access token in the Authorization header, RFC 6750 section 2.1. A token that the resource server
 * refuses as invalid is dropped, and the request is sent once more with a new token, if its body can be sent again.
 */
export function bearerFetch(tokens: Tokens): Fetch {
  return async (input, init) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const token = await unlessAborted(signal, tokens.getToken());
    const copy = canBeRepeated(init) ? cloneOf(input) : undefined;
    const response = await sendWithToken(input, init, token);
    if (!isInvalidToken(response)) return response;
    tokens.drop(token);
    if (copy === undefined) return response;
    const next = await unlessAborted(signal, tokens.getToken());
    if (next.value === token.value) return response;
    await response.body?.cancel();
    return sendWithToken(copy, init, next);
  };
}

function sendWithToken(
  input: Parameters<Fetch>[0],
  init: RequestInit | undefined,
  token: AccessToken,
): Promise<Response> {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set('authorization', `Bearer ${token.value}`);
  return fetch(input, { ...init, headers });
}

const cloneOf = (input: Parameters<Fetch>[0]) => (input instanceof Request ? input.clone() : input);

/** A stream can be sent only once. */
function canBeRepeated(init: RequestInit | undefined): boolean {
  const body: unknown = init?.body;
  return typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body);
}

/** RFC 6750 section 3.1 */
function isInvalidToken({ status, headers }: Response): boolean {
  return status === 401 && invalidToken.test(headers.get('www-authenticate') ?? '');
}

const invalidToken = /\bbearer\s(?:.*[\s,])?error\s*=\s*(?:"invalid_token"|invalid_token(?![^\s,]))/i;

/** Stops waiting at the signal; the token request continues for other callers. */
function unlessAborted<T>(signal: AbortSignal | null | undefined, promise: Promise<T>): Promise<T> {
  if (!signal) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

import type { AccessToken, Fetch } from './token-client.ts';

interface Tokens {
  getToken(): Promise<AccessToken>;
  drop(token: AccessToken): void;
}

/**
 * `fetch` with an access token in the Authorization header, RFC 6750 section 2.1. Where a resource server refuses the
 * token as invalid, it is dropped and the request is sent once more with a new one, if its body can be sent again.
 */
export function bearerFetch(tokens: Tokens): Fetch {
  return async (input, init) => {
    const token = await tokens.getToken();
    const again = canBeRepeated(init) ? cloneOf(input) : undefined;
    const response = await send(input, init, token);
    if (!isInvalidToken(response)) return response;
    tokens.drop(token);
    if (again === undefined) return response;
    await response.body?.cancel();
    return send(again, init, await tokens.getToken());
  };
}

function send(input: Parameters<Fetch>[0], init: RequestInit | undefined, token: AccessToken): Promise<Response> {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set('authorization', `Bearer ${token.value}`);
  return fetch(input, { ...init, headers });
}

const cloneOf = (input: Parameters<Fetch>[0]) => (input instanceof Request ? input.clone() : input);

/** A stream is gone once it was sent. */
function canBeRepeated(init: RequestInit | undefined): boolean {
  const body = init?.body;
  if (body === undefined || body === null) return true;
  return !(body instanceof ReadableStream) && !(typeof body === 'object' && Symbol.asyncIterator in body);
}

/** RFC 6750 section 3.1 */
function isInvalidToken({ status, headers }: Response): boolean {
  return status === 401 && /\bbearer\b[^]*\berror="?invalid_token"?/i.test(headers.get('www-authenticate') ?? '');
}

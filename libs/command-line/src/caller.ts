import { setTimeout as sleep } from 'node:timers/promises';
import { CallError } from './call-error.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Answer<Body> {
  body: Body;
  headers: Headers;
}

export type Caller = <Body>(
  method: Method,
  path: string,
  body?: Blob | object,
  headers?: Record<string, string>,
) => Promise<Answer<Body>>;

export type Call = <Body>(...request: Parameters<Caller>) => Promise<Body>;

/** How often a request is sent at most. */
const attemptsAtMost = 5;

/**
 * Nobody is redirected with a token. Else `fetch` keeps a copy of all that it sends, for a redirect that may come:
 * Fetch standard section 4.5, HTTP-network-or-cache fetch.
 */
const withoutCopy = { redirect: 'error', window: null } as const;

/** Seconds; for longer than this, the user is not kept waiting. */
const longestWait = 30;

/**
 * Calls an API that answers JSON, and errors as RFC 9457 problems. What is refused with 429 was not begun: it is sent
 * again after `Retry-After`, RFC 6585 section 4. So is what can be repeated without harm, where its answer breaks off.
 * @param address          where it is
 * @param authorizedFetch  `fetch` that sends access tokens along
 * @throws {CallError}  with a line for people
 */
export function caller(address: string, authorizedFetch: typeof fetch): Caller {
  return async (method, path, body, headers = {}) => {
    const { type, ...content } = contentOf(body);
    const init: RequestInit = {
      ...withoutCopy,
      method,
      ...content,
      headers: { ...(type && { 'content-type': type }), ...headers },
    };
    // One that breaks off is no answer, whatever its status.
    const isRepeatable = method === 'GET' || 'idempotency-key' in headers;
    for (let attempt = 1; ; attempt++) {
      const response = await authorizedFetch(address + path, init).catch((error: unknown) => {
        throw new Error(reasonOf(address, error), { cause: error });
      });
      const text = await response.text().catch((error: unknown) => {
        if (attempt < attemptsAtMost && isRepeatable) return undefined;
        throw new Error(`the answer of ${address} broke off`, { cause: error });
      });
      if (text === undefined) continue;
      const answer = jsonIn(text);
      if (response.ok) return { body: answer as never, headers: response.headers };
      const error = new CallError(`${method} ${address}${path}`, response.status, answer);
      const seconds = response.status === 429 ? Number(response.headers.get('retry-after') ?? 1) : Number.NaN;
      if (attempt === attemptsAtMost || !(seconds <= longestWait)) throw error;
      process.stderr.write(`${error.message}; trying again in ${seconds} s\n`);
      await sleep(seconds * 1000);
    }
  };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** A blob is sent as it is, with its type and its length. */
function contentOf(body?: Blob | object): RequestInit & { type?: string } {
  if (body === undefined) return {};
  if (body instanceof Blob) return { body, type: body.type };
  return { body: JSON.stringify(body), type: 'application/json' };
}

/** A network that fails has a code such as ECONNREFUSED; everything else says itself what it is. */
function reasonOf(address: string, error: unknown): string {
  const causes: (Error & { code?: unknown })[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 4; cause = cause.cause) causes.push(cause);
  const network = causes.find(({ code }) => typeof code === 'string' && /^(E[A-Z]+|UND_ERR_[A-Z_]+)$/.test(code));
  if (!network) return causes.map(({ message }) => message).join(': ');
  return `${address} cannot be called (${String(network.code)}). Is it running? Start everything with: npm start`;
}

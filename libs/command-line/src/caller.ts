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

/** The maximum number of attempts of a request. */
const maxAttempts = 5;

/**
 * Refuses redirects, so that a token never follows one. Without both members, `fetch` would keep a copy of the body:
 * Fetch standard section 4.5, HTTP-network-or-cache fetch.
 */
const withoutCopy = { redirect: 'error', window: null } as const;

/** Seconds; the user does not have to wait longer than this. */
const longestWait = 30;

/**
 * Calls an API that responds with JSON, and with RFC 9457 problems for errors. Repeats a request that was refused with
 * 429 after `Retry-After`, RFC 6585 section 4, since it had no effect. Repeats a request with a truncated response if
 * it is safe to repeat.
 * @param address          the address of the API
 * @param authorizedFetch  a `fetch` that adds access tokens
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
    const isRepeatable = method === 'GET' || 'idempotency-key' in headers;
    for (let attempt = 1; ; attempt++) {
      const response = await authorizedFetch(address + path, init).catch((error: unknown) => {
        throw new Error(reasonOf(address, error), { cause: error });
      });
      const text = await response.text().catch((error: unknown) => {
        // A truncated response counts as none, whatever its status.
        if (attempt < maxAttempts && isRepeatable) return undefined;
        throw new Error(`the response of ${address} was truncated`, { cause: error });
      });
      if (text === undefined) continue;
      const answer = jsonIn(text);
      if (response.ok) return { body: answer as never, headers: response.headers };
      const error = new CallError(`${method} ${address}${path}`, response.status, answer);
      const seconds = response.status === 429 ? Number(response.headers.get('retry-after') ?? 1) : Number.NaN;
      if (attempt === maxAttempts || !(seconds <= longestWait)) throw error;
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

/** Sends a blob unchanged, with its type and length. */
function contentOf(body?: Blob | object): RequestInit & { type?: string } {
  if (body === undefined) return {};
  if (body instanceof Blob) return { body, type: body.type };
  return { body: JSON.stringify(body), type: 'application/json' };
}

/** A network failure has a code such as ECONNREFUSED; other errors explain themselves. */
function reasonOf(address: string, error: unknown): string {
  const causes: (Error & { code?: unknown })[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 4; cause = cause.cause) causes.push(cause);
  const network = causes.find(({ code }) => typeof code === 'string' && /^(E[A-Z]+|UND_ERR_[A-Z_]+)$/.test(code));
  if (!network) return causes.map(({ message }) => message).join(': ');
  return `${address} cannot be reached (${String(network.code)}). Is it running? Start everything with: npm start`;
}

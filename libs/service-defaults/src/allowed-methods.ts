import { HttpException } from '@nestjs/common';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Problem } from './problem/problem.ts';

/**
 * Answers 405 with `Allow` if a path has routes only for other methods, RFC 9110 section 15.5.6. Call it before there
 * are routes.
 */
export function refuseOtherMethods(fastify: FastifyInstance): void {
  const methodsOf = new Map<string, Set<string>>();
  fastify.addHook('onRoute', ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set();
    // OPTIONS routes are only for CORS.
    for (const one of [method].flat()) if (one !== 'OPTIONS') methods.add(one);
    methodsOf.set(url, methods);
  });
  let patterns: [pattern: RegExp, methods: string[]][] | undefined;
  const allowedAt = (path: string): string | undefined => {
    patterns ??= [...methodsOf].map(([url, methods]) => [patternOf(url), [...methods]]);
    const spelled = decoded(path);
    const methods = patterns.flatMap(([pattern, found]) => (pattern.test(spelled) ? found : []));
    return methods.length > 0 ? [...new Set(methods)].toSorted().join(', ') : undefined;
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    const allowed = request.is404 ? allowedAt(request.url.split('?', 1)[0] ?? '') : undefined;
    if (allowed === undefined) return done();
    const refusal = methodNotAllowed(reply, allowed);
    // By then, a body that arrived together with the headers is complete, and the connection stays open.
    setImmediate(() => done(refusal));
  });
}

/**
 * The exception to throw if a path does not allow the method of a request; also sets the headers of that response.
 * @param allowed  the allowed methods, for example `GET, POST`
 */
export function methodNotAllowed(reply: FastifyReply, allowed: string): HttpException {
  // By default, caches may store a 405.
  void reply.headers({ allow: allowed, 'cache-control': 'no-store' });
  const detail = `this path allows ${allowed}`;
  const problem: Problem = { type: 'about:blank', title: 'Method Not Allowed', status: 405, detail };
  return new HttpException(problem, 405);
}

/** The path without percent-encoding, except for what would change its structure: routing leaves that encoded too. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path.replaceAll(/%(?=2f|23|25|3f)/gi, '%25'));
  } catch {
    return path;
  }
}

/** A parameter matches one segment, a wildcard one or more. */
function patternOf(url: string): RegExp {
  const segments = url.split('/').map((segment) => {
    if (segment.startsWith(':')) return '[^/]+';
    return segment === '*' ? '.+' : segment.replaceAll(/[^\w-]/g, String.raw`\$&`);
  });
  return new RegExp(`^${segments.join('/')}$`);
}

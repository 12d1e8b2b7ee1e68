import { Catch, HttpException, Logger, type ArgumentsHost } from '@nestjs/common';
import { formatChallenge, OAuthError } from '@lanyard/oauth-protocol';
import { addLogFields, isDatabaseUnavailable, ProblemFilter } from '@lanyard/service-defaults';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isClientEndpoint } from './client-endpoint.ts';
import { ThrottledError } from '../throttling/throttled-error.ts';

/** Sends errors of client endpoints as in RFC 6749 section 5.2, and all others as problems. */
@Catch()
export class OAuthErrorFilter extends ProblemFilter {
  private readonly log = new Logger(OAuthErrorFilter.name);

  override catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (!isClientEndpoint(request.routeOptions)) return super.catch(exception, host);

    const error = asOAuthError(exception);
    if (!error) return super.catch(exception, host);
    addLogFields(request, { error: error.code });
    if (error.code === 'temporarily_unavailable' && !(error instanceof ThrottledError)) {
      this.log.error({ msg: 'a request cannot be served at the moment', request_id: request.id, err: exception });
    }
    const reply = http
      .getResponse<FastifyReply>()
      .status(statusOf(error))
      .type('application/json; charset=utf-8')
      .header('cache-control', 'no-store');
    if (error.code === 'invalid_client')
      void reply.header('www-authenticate', formatChallenge('Basic', { realm: 'lanyard' }));
    if (error instanceof ThrottledError) void reply.header('retry-after', String(error.retryAfter));
    // Another connection may lead to another replica.
    else if (error.code === 'temporarily_unavailable')
      void reply.header('retry-after', '1').header('connection', 'close');
    void reply.send(error.toJSON());
  }
}

function asOAuthError(exception: unknown): OAuthError | undefined {
  if (exception instanceof OAuthError) return exception;
  if (isDatabaseUnavailable(exception)) {
    return new OAuthError('temporarily_unavailable', 'temporarily unavailable, try again');
  }
  // Bodies that Fastify could not read, as Nest passes the errors on.
  switch (exception instanceof HttpException ? exception.getStatus() : 0) {
    case 400:
      return new OAuthError('invalid_request', titleOf(exception as HttpException) ?? 'the body could not be read');
    case 413:
      return new OAuthError('invalid_request', 'the body is too large');
    case 415:
      return new OAuthError(
        'invalid_request',
        titleOf(exception as HttpException) ?? 'the body must be application/x-www-form-urlencoded',
      );
    case 429:
      return new ThrottledError('bodies', 1);
    default:
      return undefined;
  }
}

/** The title of a problem that describes itself. */
function titleOf(exception: HttpException): string | undefined {
  const { type, title } = exception.getResponse() as { type?: unknown; title?: unknown };
  return typeof type === 'string' && typeof title === 'string' ? title : undefined;
}

function statusOf(error: OAuthError): number {
  if (error instanceof ThrottledError) return 429;
  if (error.code === 'invalid_client') return 401;
  return error.code === 'temporarily_unavailable' ? 503 : 400;
}

import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from './problem.ts';

/** Answers exceptions that no other filter caught with an RFC 9457 problem. Internal details are only logged. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const problem = this.answerTo(problemOf(exception), http.getRequest<FastifyRequest>());
    if (problem.status >= 500 && !(exception instanceof HttpException)) {
      this.logger.error({ msg: 'request failed', request_id: http.getRequest<FastifyRequest>().id, err: exception });
    }
    const reply = http.getResponse<FastifyReply>().status(problem.status).type('application/problem+json');
    const isLater = problem.status === 503 || problem.status === 429;
    if (isLater && !reply.hasHeader('retry-after')) void reply.header('retry-after', '1');
    void reply.send(problem);
  }

  /** The problem to send instead of this one. */
  protected answerTo(problem: Problem, _request: FastifyRequest): Problem {
    return problem;
  }
}

/** The problem of an exception, without internal details. */
export function problemOf(exception: unknown): Problem {
  if (exception instanceof HttpException) {
    const status = exception.getStatus();
    const body = exception.getResponse();
    if (typeof body === 'object' && 'type' in body && 'title' in body) return body as Problem;
    // Health checks answer with their own body.
    if (typeof body === 'object' && 'details' in body) return { ...aProblem(status), ...body, status };
    // Fastify's own message.
    if (exception.message === 'Unsupported Media Type') {
      return aProblem(status, 'the content type is missing or not supported');
    }
    // Nest's own message for an unknown route repeats the URL, which may hold a token.
    return aProblem(
      status,
      exception.message.startsWith('Cannot ') ? 'no resource matches this path' : exception.message,
    );
  }
  if (isAborted(exception)) return aProblem(400, 'the request was aborted');
  if (isDataException(exception)) return aProblem(400, 'the database does not accept a value, such as a text with NUL');
  if (isDatabaseUnavailable(exception)) return aProblem(503, 'the database is not available at the moment');
  // Fastify's own errors, for example for a body that is too large, carry their status.
  const { statusCode, message } = exception as { statusCode?: unknown; message?: string };
  return typeof statusCode === 'number' && statusCode < 500 ? aProblem(statusCode, message) : aProblem(500);
}

const aProblem = (status: number, detail?: string): Problem => ({
  type: 'about:blank',
  title: STATUS_CODES[status] ?? 'Error',
  status,
  ...(detail && { detail }),
});

/** The caller has left, or sent less than it announced; a lost database connection has the same code. */
function isAborted(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return code === 'ECONNRESET' && message === 'aborted';
}

/** SQLSTATE class 22: the database does not accept a value of the request that passed the validation. */
function isDataException(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^22[0-9A-Z]{3}$/.test(code);
}

/**
 * Whether the database is temporarily unavailable: a connection broke during a transaction, by the messages of pg and
 * TypeORM, or by SQLSTATE:
 * 08, 25P03, 57: a lost connection, a server that stops or has ended the transaction, a statement that took too long;
 * 25006: a server that is no longer the primary;
 * 28, 3D, 53, 55000: a server that does not accept our connections;
 * 40: a transaction that was rolled back in favour of another.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (
    !isAborted(error) &&
    ((typeof code === 'string' &&
      /^(08|25006|25P03|28|3D|40|53|57P|57014|55000|ECONN|EHOST|ENET|ENOTFOUND|EPIPE|ETIMEDOUT|EAI_)/.test(code)) ||
      (typeof message === 'string' &&
        /Connection terminated|connection timeout|timeout exceeded when trying to connect|has encountered a connection error|Client was closed|query runner (was )?already released|Transaction is not started/i.test(
          message,
        )))
  );
}

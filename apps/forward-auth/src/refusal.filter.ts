import { Catch, HttpStatus } from '@nestjs/common';
import { ProblemFilter, type Problem } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import { rulesPath } from './rule.controller.ts';

/**
 * At the address of rules, refuses requests only with 401 or 403, which proxies pass on. nginx turns any other status into 500, so that clients
 * could cause server errors.
 */
@Catch()
export class RefusalFilter extends ProblemFilter {
  protected override answerTo(problem: Problem, { url }: FastifyRequest): Problem {
    if (problem.status >= 500 || !url.startsWith(rulesPath)) return problem;
    // The guard has added a challenge, which belongs to a 401, RFC 9110 section 15.5.2.
    const isChallenged = 'error' in problem && problem.error !== 'insufficient_scope';
    const isUnauthorized = problem.status === 401 || isChallenged;
    return { ...problem, status: isUnauthorized ? HttpStatus.UNAUTHORIZED : HttpStatus.FORBIDDEN };
  }
}

import { Body, Controller, Get, Headers, HttpCode, HttpStatus, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CurrentAccessToken, RequireScopes, type AccessToken } from '@lanyard/resource-server';
import { addLogFields, nextPage, parseIdempotencyKey } from '@lanyard/service-defaults';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  jobIdSchema,
  jobPageSchema,
  jobQuerySchema,
  jobSchema,
  newJobSchema,
  type JobQuery,
  type NewJob,
} from '@lanyard/jobs-contract';
import { presentJob, presentListed } from './present-job.ts';
import { Jobs } from './jobs.ts';

@ApiTags('jobs')
@Controller('jobs')
export class JobsController {
  constructor(private readonly jobs: Jobs) {}

  @Post()
  @RequireScopes('jobs:write')
  @ApiOperation({ summary: 'Create a job' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'the same key creates one job, however often it is sent',
  })
  @ApiResponse({ status: 201, description: 'created', standardSchema: jobSchema })
  @ApiResponse({ status: 200, description: 'created before with the same Idempotency-Key', standardSchema: jobSchema })
  async create(
    @Body({ schema: newJobSchema }) body: NewJob,
    @Headers('idempotency-key') key: string | undefined,
    @CurrentAccessToken() token: AccessToken,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const idempotencyKey = parseIdempotencyKey(key);
    const origin = { createdBy: token.clientId, requestId: request.id, idempotencyKey };
    const { job, created } = await this.jobs.create(body, origin);
    addLogFields(request, { job_id: job.id, created });
    void reply.status(created ? HttpStatus.CREATED : HttpStatus.OK).header('location', `/jobs/${job.id}`);
    return presentJob(job);
  }

  @Get()
  @RequireScopes('jobs:read')
  @ApiOperation({ summary: 'List jobs, newest first' })
  @ApiResponse({ status: 200, standardSchema: jobPageSchema })
  async list(@Query({ schema: jobQuerySchema }) query: JobQuery) {
    const jobs = await this.jobs.list(query);
    return { items: jobs.map(presentListed), next: nextPage('/jobs', query, jobs.length, jobs.at(-1)?.id) };
  }

  @Get(':id')
  @RequireScopes('jobs:read')
  @ApiOperation({ summary: 'Read a job' })
  @ApiResponse({ status: 200, standardSchema: jobSchema })
  async read(@Param('id', { schema: jobIdSchema }) id: string) {
    return presentJob(await this.jobs.read(id));
  }

  @Post(':id/retry')
  @HttpCode(200)
  @RequireScopes('jobs:write')
  @ApiOperation({ summary: 'Return a failed job to the queue, with all its attempts' })
  @ApiResponse({ status: 200, standardSchema: jobSchema })
  @ApiResponse({ status: 409, description: 'the job has not failed' })
  async retry(@Param('id', { schema: jobIdSchema }) id: string) {
    return presentJob(await this.jobs.retry(id));
  }
}

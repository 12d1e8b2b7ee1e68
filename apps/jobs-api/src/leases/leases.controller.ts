import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import { CurrentAccessToken, RequireScopes, type AccessToken } from '@lanyard/resource-server';
import { addLogFields } from '@lanyard/service-defaults';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { presentJob } from '../jobs/present-job.ts';
import {
  claimedSchema,
  claimSchema,
  completedManySchema,
  completeManySchema,
  completeSchema,
  failSchema,
  heartbeatSchema,
  jobIdSchema,
  jobSchema,
  releaseSchema,
  type Claim,
  type Complete,
  type CompleteMany,
  type Fail,
  type Heartbeat,
  type Release,
} from '@lanyard/jobs-contract';
import { Leases } from './leases.ts';

@ApiTags('leases')
@Controller('jobs')
@RequireScopes('jobs:write')
export class LeasesController {
  constructor(private readonly leases: Leases) {}

  @Post('claim')
  @HttpCode(200)
  @ApiOperation({ summary: 'Claim jobs under a lease' })
  @ApiResponse({ status: 200, standardSchema: claimedSchema })
  async claim(
    @Body({ schema: claimSchema }) body: Claim,
    @CurrentAccessToken() token: AccessToken,
    @Req() request: FastifyRequest,
  ) {
    const { jobs, nextAt } = await this.leases.claim(body, token.clientId);
    addLogFields(request, { claimed: jobs.length });
    const claimed = jobs.map((job) => ({
      ...presentJob(job),
      lease: { token: Number(job.leaseToken), expiresAt: job.leaseExpiresAt },
    }));
    return { jobs: claimed, nextAt };
  }

  @Post('complete')
  @HttpCode(200)
  @ApiOperation({ summary: 'End several jobs, each with its result, if the caller holds its lease' })
  @ApiResponse({ status: 200, standardSchema: completedManySchema })
  async completeMany(
    @Body({ schema: completeManySchema }) { jobs }: CompleteMany,
    @CurrentAccessToken() token: AccessToken,
    @Req() request: FastifyRequest,
  ) {
    const succeeded = await this.leases.completeMany(jobs, token.clientId);
    addLogFields(request, { job_ids: succeeded });
    return { succeeded, leaseLost: jobs.map(({ id }) => id).filter((id) => !succeeded.includes(id.toLowerCase())) };
  }

  @Post(':id/heartbeat')
  @HttpCode(200)
  @ApiOperation({ summary: 'Extend the lease' })
  @ApiResponse({ status: 200, standardSchema: jobSchema })
  @ApiResponse({ status: 409, description: 'the lease is lost, or the job has ended' })
  async heartbeat(
    @Param('id', { schema: jobIdSchema }) id: string,
    @Body({ schema: heartbeatSchema }) body: Heartbeat,
    @CurrentAccessToken() token: AccessToken,
  ) {
    return presentJob(await this.leases.heartbeat(holder(id, body, token), body));
  }

  @Post(':id/complete')
  @HttpCode(200)
  @ApiOperation({ summary: 'End the job with its result' })
  @ApiResponse({ status: 200, standardSchema: jobSchema })
  @ApiResponse({ status: 409, description: 'the lease is lost, or the job has ended' })
  async complete(
    @Param('id', { schema: jobIdSchema }) id: string,
    @Body({ schema: completeSchema }) body: Complete,
    @CurrentAccessToken() token: AccessToken,
  ) {
    return presentJob(await this.leases.complete(holder(id, body, token), body));
  }

  @Post(':id/fail')
  @HttpCode(200)
  @ApiOperation({ summary: 'End the attempt with a reason; the job is retried later, or has failed' })
  @ApiResponse({ status: 200, standardSchema: jobSchema })
  @ApiResponse({ status: 409, description: 'the lease is lost, or the job has ended' })
  async fail(
    @Param('id', { schema: jobIdSchema }) id: string,
    @Body({ schema: failSchema }) body: Fail,
    @CurrentAccessToken() token: AccessToken,
  ) {
    return presentJob(await this.leases.fail(holder(id, body, token), body));
  }

  @Post(':id/release')
  @HttpCode(200)
  @ApiOperation({ summary: 'Hand the job back; the attempt does not count' })
  @ApiResponse({ status: 200, standardSchema: jobSchema })
  @ApiResponse({ status: 409, description: 'the lease is lost, or the job has ended' })
  async release(
    @Param('id', { schema: jobIdSchema }) id: string,
    @Body({ schema: releaseSchema }) body: Release,
    @CurrentAccessToken() token: AccessToken,
  ) {
    return presentJob(await this.leases.release(holder(id, body, token)));
  }
}

const holder = (id: string, { leaseToken }: Release, { clientId }: AccessToken) => ({
  id,
  leaseToken,
  leasedBy: clientId,
});

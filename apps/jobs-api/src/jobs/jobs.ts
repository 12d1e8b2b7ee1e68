import { createHash } from 'node:crypto';
import { Injectable, NotFoundException } from '@nestjs/common';
import type { JobQuery, NewJob } from '@lanyard/jobs-contract';
import { conflict, problemException } from '@lanyard/service-defaults';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, LessThan, Repository } from 'typeorm';
import { v7 as uuid } from 'uuid';
import { Files } from '../files/files.ts';
import { Job } from './job.entity.ts';
import { updateJobs } from './update-jobs.ts';

/** All columns except the result, which can be large. */
const listedColumns = {
  id: true,
  type: true,
  payload: true,
  status: true,
  attempts: true,
  maxAttempts: true,
  availableAt: true,
  leaseExpiresAt: true,
  failure: true,
  requestId: true,
  createdBy: true,
  createdAt: true,
  startedAt: true,
  finishedAt: true,
} as const;

interface Origin {
  createdBy: string;
  requestId: string;
  idempotencyKey?: string;
}

@Injectable()
export class Jobs {
  constructor(
    @InjectRepository(Job) private readonly jobs: Repository<Job>,
    private readonly files: Files,
    private readonly database: DataSource,
  ) {}

  /**
   * Creates a job. With an idempotency key that this client used before, returns the earlier job, if the request was
   * the same.
   */
  async create(request: NewJob, origin: Origin): Promise<{ job: Job; created: boolean }> {
    const requestDigest = createHash('sha256').update(JSON.stringify(request)).digest();
    const { idempotencyKey = null } = origin;
    const earlier = idempotencyKey && (await this.findEarlier(origin.createdBy, idempotencyKey, requestDigest));
    if (earlier) return { job: earlier, created: false };
    await this.files.require(request.payload.file);
    const id = uuid();
    const { raw } = await this.jobs
      .createQueryBuilder()
      .insert()
      .values({ id, ...request, ...origin, idempotencyKey, requestDigest })
      .orIgnore()
      .returning('id')
      .execute();
    if ((raw as unknown[]).length === 1) return { job: await this.read(id), created: true };
    // Another request with the same key was faster.
    const job = idempotencyKey && (await this.findEarlier(origin.createdBy, idempotencyKey, requestDigest));
    if (!job) throw new Error('the job was neither created nor found');
    return { job, created: false };
  }

  async read(id: string): Promise<Job> {
    const job = await this.jobs.findOneBy({ id });
    if (!job) throw new NotFoundException('there is no such job');
    return job;
  }

  /** Puts a failed job back with all its attempts. */
  async retry(id: string): Promise<Job> {
    const updated = await updateJobs(
      this.database,
      `UPDATE job SET status = 'pending', attempts = 0, finished_at = NULL, available_at = now()
       WHERE id = $1 AND status = 'failed' RETURNING *`,
      [id],
    );
    if (updated[0]) return updated[0];
    const { status } = await this.read(id);
    throw conflict('not-failed', `The job is ${status}, not failed`);
  }

  /** Newest first; a page continues where the previous one ended, even if jobs were added since. */
  list({ status, type, createdBy, limit, after }: JobQuery): Promise<Job[]> {
    return this.jobs.find({
      where: {
        ...(status && { status }),
        ...(type && { type }),
        ...(createdBy && { createdBy }),
        ...(after && { id: LessThan(after) }),
      },
      select: listedColumns,
      order: { id: 'DESC' },
      take: limit,
    });
  }

  private async findEarlier(createdBy: string, idempotencyKey: string, digest: Buffer): Promise<Job | undefined> {
    const found = await this.jobs.findOneBy({ createdBy, idempotencyKey });
    if (!found) return undefined;
    if (!found.requestDigest.equals(digest)) {
      throw problemException(422, 'idempotency-key-reused', 'The Idempotency-Key was used for another request');
    }
    return found;
  }
}

import { Inject, Injectable } from '@nestjs/common';
import type { Claim, Complete, CompleteMany, Fail, Heartbeat } from '@lanyard/jobs-contract';
import { CONFIGURATION, problemException } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import type { JobsApiConfiguration } from '../configuration.ts';
import { Job } from '../jobs/job.entity.ts';
import { Jobs } from '../jobs/jobs.ts';
import { updateJobs } from '../jobs/update-jobs.ts';

/** Who holds which lease. */
export interface Holder {
  id: string;
  leaseToken: number;
  leasedBy: string;
}

/** Leases jobs to workers for a limited time. Uses the database's clock, since the clocks of replicas differ. */
@Injectable()
export class Leases {
  constructor(
    private readonly database: DataSource,
    private readonly jobs: Jobs,
    @Inject(CONFIGURATION) private readonly configuration: JobsApiConfiguration,
  ) {}

  /**
   * Claims the oldest available jobs; workers that claim at the same time get different ones.
   * @returns the jobs; if there are none, `nextAt` is when the next retry is due or the next lease expires
   */
  async claim({ types, max, leaseSeconds }: Claim, leasedBy: string): Promise<{ jobs: Job[]; nextAt: Date | null }> {
    await this.releaseExpired();
    const claimed = await updateJobs(
      this.database,
      `WITH next AS (
         SELECT id FROM job WHERE status = 'pending' AND available_at <= now() AND type = ANY ($1)
         ORDER BY available_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
       )
       UPDATE job SET status = 'running', attempts = attempts + 1, lease_token = lease_token + 1, leased_by = $3,
              lease_expires_at = now() + make_interval(secs => $4), started_at = now(), failure = NULL
       FROM next WHERE job.id = next.id RETURNING job.*`,
      [types, max, leasedBy, leaseSeconds],
    );
    const jobs = claimed.toSorted(
      (a, b) => a.availableAt.getTime() - b.availableAt.getTime() || (a.id < b.id ? -1 : 1),
    );
    return { jobs, nextAt: jobs.length > 0 ? null : await this.nextAt(types) };
  }

  private async nextAt(types: string[]): Promise<Date | null> {
    const [row] = await this.database.query<{ next_at: Date | null }[]>(
      `SELECT min(CASE status WHEN 'pending' THEN available_at ELSE lease_expires_at END) AS next_at
       FROM job WHERE status IN ('pending', 'running') AND type = ANY ($1)`,
      [types],
    );
    return row?.next_at ?? null;
  }

  async heartbeat(holder: Holder, { leaseSeconds }: Heartbeat): Promise<Job> {
    return this.asHolder(holder, `lease_expires_at = now() + make_interval(secs => $4)`, [leaseSeconds]);
  }

  /** A repeated completion returns the stored result, as the first answer may have been lost. */
  async complete(holder: Holder, { result }: Complete): Promise<Job> {
    const end = `status = 'succeeded', result = $4, lease_expires_at = NULL, finished_at = now()`;
    return this.asHolder(holder, end, [JSON.stringify(result)], 'succeeded');
  }

  /** @returns the jobs that ended under these leases, now or before; a result stored before is not replaced */
  async completeMany(jobs: CompleteMany['jobs'], leasedBy: string): Promise<string[]> {
    const rows = await this.database.query<{ id: string }[]>(
      `WITH given AS (
         SELECT * FROM jsonb_to_recordset($1) AS given (id uuid, "leaseToken" bigint, result jsonb)
       ), held AS (
         SELECT job.id, job.status, given.result FROM job JOIN given ON job.id = given.id
         WHERE lease_token = "leaseToken" AND leased_by = $2 AND status IN ('running', 'succeeded')
         -- Locks in one order, so that concurrent calls do not deadlock.
         ORDER BY job.id FOR UPDATE OF job
       ), ended AS (
         UPDATE job SET status = 'succeeded', result = held.result, lease_expires_at = NULL, finished_at = now()
         FROM held WHERE job.id = held.id AND held.status = 'running'
       )
       SELECT id FROM held`,
      [JSON.stringify(jobs), leasedBy],
    );
    return rows.map(({ id }) => id);
  }

  /** Puts the job back with a delay that doubles with each attempt; after the last attempt it has failed. */
  async fail(holder: Holder, { reason, retryable }: Fail): Promise<Job> {
    return this.asHolder(
      holder,
      `${endOfAttempt('$5 AND attempts < max_attempts')}, failure = $4,
       available_at = now() + make_interval(secs => least($6 * 2 ^ (attempts - 1), 3600) * (0.75 + random() / 2))`,
      [reason, retryable, this.configuration.RETRY_BACKOFF],
      'failed',
    );
  }

  /** Hands the job back: the attempt does not count. */
  async release(holder: Holder): Promise<Job> {
    return this.asHolder(
      holder,
      `status = 'pending', attempts = attempts - 1, lease_expires_at = NULL, available_at = now()`,
      [],
    );
  }

  /** Puts back jobs whose lease expired; after the last attempt they have failed. */
  async releaseExpired(): Promise<number> {
    const [, released] = await this.database.query<[unknown, number]>(
      `UPDATE job SET ${endOfAttempt('attempts < max_attempts')}, failure = 'the lease expired: the worker stopped responding',
              available_at = now()
       WHERE id IN (SELECT id FROM job WHERE status = 'running' AND lease_expires_at <= now() FOR UPDATE SKIP LOCKED)`,
    );
    return released;
  }

  /** Changes the job only for the holder of its lease; `$1` to `$3` are the holder, `parameters` begin at `$4`. */
  private async asHolder(
    holder: Holder,
    change: string,
    parameters: unknown[],
    repeated?: Job['status'],
  ): Promise<Job> {
    const { id, leaseToken, leasedBy } = holder;
    const updated = await updateJobs(
      this.database,
      `UPDATE job SET ${change}
       WHERE id = $1 AND lease_token = $2 AND leased_by = $3 AND status = 'running' RETURNING *`,
      [id, leaseToken, leasedBy, ...parameters],
    );
    if (updated[0]) return updated[0];
    const job = await this.jobs.read(id);
    const isSameLease = Number(job.leaseToken) === leaseToken && job.leasedBy === leasedBy;
    if (isSameLease && job.status === repeated) return job;
    throw problemException(409, 'lease-lost', 'The lease is lost', {
      detail: 'it expired and another worker has the job, or the job has ended',
    });
  }
}

const endOfAttempt = (again: string) =>
  `status = CASE WHEN ${again} THEN 'pending' ELSE 'failed' END,
   finished_at = CASE WHEN ${again} THEN NULL ELSE now() END,
   lease_expires_at = NULL`;

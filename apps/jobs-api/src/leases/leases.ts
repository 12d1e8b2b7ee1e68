import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION, problemException } from '@lanyard/service-defaults';
import { DataSource, In, type EntityManager } from 'typeorm';
import type { JobsApiConfiguration } from '../configuration.ts';
import { Job } from '../jobs/job.entity.ts';
import { Jobs } from '../jobs/jobs.service.ts';
import type { Claim, Complete, Fail, Heartbeat } from './lease.schema.ts';

/** Who holds which lease. */
export interface Holder {
  id: string;
  leaseToken: number;
  leasedBy: string;
}

/** Gives jobs to workers for a time. Times are the database's, since clocks of replicas differ. */
@Injectable()
export class Leases {
  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(Jobs) private readonly jobs: Jobs,
    @Inject(CONFIGURATION) private readonly configuration: JobsApiConfiguration,
  ) {}

  /** Claims the oldest available jobs; workers that claim at the same time get different ones. */
  async claim({ types, max, leaseSeconds }: Claim, leasedBy: string): Promise<{ jobs: Job[]; nextAt: Date | null }> {
    await this.releaseExpired();
    const jobs = await this.database.transaction((manager) =>
      this.claimIn(manager, { types, max, leaseSeconds }, leasedBy),
    );
    const [row] = await this.database.query<{ next_at: Date | null }[]>(
      `SELECT min(CASE status WHEN 'pending' THEN available_at ELSE lease_expires_at END) AS next_at
       FROM job WHERE status IN ('pending', 'running') AND type = ANY ($1) AND NOT (id = ANY ($2))`,
      [types, jobs.map(({ id }) => id)],
    );
    return { jobs, nextAt: row?.next_at ?? null };
  }

  /** Within a transaction, so that what is read is what was claimed. */
  private async claimIn(manager: EntityManager, { types, max, leaseSeconds }: Claim, leasedBy: string): Promise<Job[]> {
    const claimed = await this.update(
      `WITH next AS (
         SELECT id FROM job WHERE status = 'pending' AND available_at <= now() AND type = ANY ($1)
         ORDER BY available_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
       )
       UPDATE job SET status = 'running', attempts = attempts + 1, lease_token = lease_token + 1, leased_by = $3,
              lease_expires_at = now() + make_interval(secs => $4), started_at = now(), failure = NULL
       FROM next WHERE job.id = next.id RETURNING job.id`,
      [types, max, leasedBy, leaseSeconds],
      manager,
    );
    return manager.find(Job, { where: { id: In(claimed) }, order: { availableAt: 'ASC', id: 'ASC' } });
  }

  async heartbeat(holder: Holder, { leaseSeconds }: Heartbeat): Promise<Job> {
    return this.asHolder(holder, `lease_expires_at = now() + make_interval(secs => $4)`, [leaseSeconds]);
  }

  /** A result that was stored already is answered again, as the first answer may have been lost. */
  async complete(holder: Holder, { result }: Complete): Promise<Job> {
    const end = `status = 'succeeded', result = $4, lease_expires_at = NULL, finished_at = now()`;
    return this.asHolder(holder, end, [JSON.stringify(result)], 'succeeded');
  }

  /** Puts the job back after a while that doubles with each attempt; after the last one it has failed for good. */
  async fail(holder: Holder, { reason, retryable }: Fail): Promise<Job> {
    return this.asHolder(
      holder,
      `${endOfAttempt('$5 AND attempts < max_attempts')}, failure = $4,
       available_at = now() + make_interval(secs => least($6 * 2 ^ (attempts - 1), 3600) * (0.75 + random() / 2))`,
      [reason, retryable, this.configuration.RETRY_BACKOFF],
      'failed',
    );
  }

  /** Hands the job back unharmed: the attempt does not count. */
  async release(holder: Holder): Promise<Job> {
    return this.asHolder(
      holder,
      `status = 'pending', attempts = attempts - 1, lease_expires_at = NULL, available_at = now()`,
      [],
    );
  }

  /** Gives a failed job all its attempts anew. */
  async retry(id: string): Promise<Job> {
    const updated = await this.update(
      `UPDATE job SET status = 'pending', attempts = 0, finished_at = NULL, available_at = now()
       WHERE id = $1 AND status = 'failed' RETURNING id`,
      [id],
    );
    const job = await this.jobs.read(id);
    if (updated.length === 0) throw problemException(409, 'not-failed', `The job is ${job.status}, not failed`);
    return job;
  }

  /** Puts jobs back whose worker is gone; after the last attempt they have failed. */
  async releaseExpired(): Promise<number> {
    const released = await this.update(
      `UPDATE job SET ${endOfAttempt('attempts < max_attempts')}, failure = 'the lease expired: the worker is gone',
              available_at = now()
       WHERE id IN (SELECT id FROM job WHERE status = 'running' AND lease_expires_at <= now() FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [],
    );
    return released.length;
  }

  /** Changes the job for the holder of its lease alone; `$1` to `$3` are the holder, the parameters begin at `$4`. */
  private async asHolder(
    holder: Holder,
    change: string,
    parameters: unknown[],
    repeated?: Job['status'],
  ): Promise<Job> {
    const { id, leaseToken, leasedBy } = holder;
    const updated = await this.update(
      `UPDATE job SET ${change}
       WHERE id = $1 AND lease_token = $2 AND leased_by = $3 AND status = 'running' RETURNING id`,
      [id, leaseToken, leasedBy, ...parameters],
    );
    const job = await this.jobs.read(id);
    const same = Number(job.leaseToken) === leaseToken && job.leasedBy === leasedBy;
    if (updated.length === 1 || (same && job.status === repeated)) return job;
    throw problemException(409, 'lease-lost', 'The lease is lost', {
      detail: 'it expired and the job went to another worker, or has ended',
    });
  }

  /** TypeORM answers an UPDATE with the rows and their number. */
  private async update(sql: string, parameters: unknown[], manager = this.database.manager): Promise<string[]> {
    const [rows] = await manager.query<[{ id: string }[], number]>(sql, parameters);
    return rows.map(({ id }) => id);
  }
}

const endOfAttempt = (again: string) =>
  `status = CASE WHEN ${again} THEN 'pending' ELSE 'failed' END,
   finished_at = CASE WHEN ${again} THEN NULL ELSE now() END,
   lease_expires_at = NULL`;

import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ColumnsQuery, Period, ThroughputQuery } from './report.schema.ts';

/** Aggregates over the jobs; the database computes them for each request. */
@Injectable()
export class Reports {
  constructor(private readonly database: DataSource) {}

  jobs({ from, to }: Period): Promise<object[]> {
    return this.database.query(
      `SELECT type, status, count(*)::int AS jobs FROM job
       WHERE created_at >= coalesce($1::timestamptz, '-infinity') AND created_at < coalesce($2::timestamptz, 'infinity')
       GROUP BY type, status ORDER BY type, status`,
      [from, to],
    );
  }

  throughput({ from, to, interval }: ThroughputQuery): Promise<object[]> {
    return this.database.query(
      `SELECT date_trunc($3, finished_at) AS start, count(*) FILTER (WHERE status = 'succeeded')::int AS succeeded,
              count(*) FILTER (WHERE status = 'failed')::int AS failed
       FROM job WHERE finished_at >= coalesce($1::timestamptz, '-infinity') AND finished_at < coalesce($2::timestamptz, 'infinity')
       GROUP BY 1 ORDER BY 1`,
      [from, to, interval],
    );
  }

  /** Of jobs that succeeded: how long they waited, and how long their last attempt took, seconds. */
  durations({ from, to }: Period): Promise<object[]> {
    return this.database.query(
      `SELECT type, count(*)::int AS jobs, avg(waited)::float AS "waitedMean", avg(took)::float AS mean,
              percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS p50,
              percentile_cont(0.95) WITHIN GROUP (ORDER BY took) AS p95, max(took)::float AS max
       FROM (SELECT type, extract(epoch FROM started_at - created_at) AS waited,
                    extract(epoch FROM finished_at - started_at)::float AS took
             FROM job WHERE status = 'succeeded' AND finished_at >= coalesce($1::timestamptz, '-infinity')
                        AND finished_at < coalesce($2::timestamptz, 'infinity')) AS finished
       GROUP BY type ORDER BY type`,
      [from, to],
    );
  }

  /** The results of summarize-csv, one row for each column of each file. */
  columns({ jobId, file, limit }: ColumnsQuery): Promise<object[]> {
    return this.database.query(
      `SELECT job.id AS "jobId", job.payload ->> 'name' AS file, job.result -> 'rows' AS rows,
              col ->> 'name' AS column, col ->> 'type' AS type, col -> 'empty' AS empty, col -> 'distinct' AS distinct,
              coalesce(col -> 'distinctExact', 'true') AS "distinctExact",
              col -> 'min' AS min, col -> 'max' AS max, col -> 'mean' AS mean
       FROM (SELECT id, payload, result FROM job
             WHERE type = 'summarize-csv' AND status = 'succeeded' AND ($1::uuid IS NULL OR id = $1)
               AND ($2::text IS NULL OR payload ->> 'name' = $2)
             ORDER BY id DESC LIMIT $3) AS job,
            jsonb_array_elements(job.result -> 'columns') WITH ORDINALITY AS columns (col, position)
       ORDER BY job.id DESC, position`,
      [jobId ?? null, file ?? null, limit],
    );
  }
}

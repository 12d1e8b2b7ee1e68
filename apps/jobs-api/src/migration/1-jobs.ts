import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Jobs1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE file (
        id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{64}$'),
        upload_id uuid NOT NULL UNIQUE,
        size bigint NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );

      -- Chunks are stored before their file.
      CREATE TABLE file_chunk (
        upload_id uuid NOT NULL,
        position integer NOT NULL,
        data bytea STORAGE EXTERNAL NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (upload_id, position)
      );

      CREATE TABLE job (
        id uuid PRIMARY KEY,
        type text NOT NULL,
        payload jsonb NOT NULL,
        status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'succeeded', 'failed')),
        attempts integer NOT NULL DEFAULT 0,
        max_attempts integer NOT NULL,
        available_at timestamptz NOT NULL DEFAULT now(),
        leased_by text,
        lease_token bigint NOT NULL DEFAULT 0,
        lease_expires_at timestamptz,
        result jsonb,
        failure text,
        request_id text NOT NULL,
        created_by text NOT NULL,
        idempotency_key text,
        request_digest bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz,
        UNIQUE (created_by, idempotency_key),
        CHECK ((status = 'running') = (lease_expires_at IS NOT NULL)),
        CHECK ((status IN ('succeeded', 'failed')) = (finished_at IS NOT NULL))
      );
      CREATE INDEX job_pending ON job (available_at, id) WHERE status = 'pending';
      CREATE INDEX job_running ON job (lease_expires_at) WHERE status = 'running';
      CREATE INDEX job_by_status ON job (status, id);
      CREATE INDEX job_finished ON job (finished_at) WHERE finished_at IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE job, file_chunk, file');
  }
}

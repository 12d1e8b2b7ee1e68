import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Uploads1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- An upload owns its chunks, and is complete when it has a file.
      CREATE TABLE upload (
        id uuid PRIMARY KEY,
        created_by text NOT NULL,
        -- Announced, or received so far.
        size bigint NOT NULL,
        complete boolean NOT NULL DEFAULT false,
        -- -infinity: the upload was abandoned and is being removed.
        last_chunk_at timestamptz NOT NULL DEFAULT now()
      );
      INSERT INTO upload (id, created_by, size, complete) SELECT upload_id, created_by, size, true FROM file;
      CREATE INDEX upload_incomplete ON upload (id) WHERE NOT complete;

      DELETE FROM file_chunk WHERE NOT EXISTS (SELECT FROM upload WHERE id = upload_id);
      ALTER TABLE file_chunk ADD FOREIGN KEY (upload_id) REFERENCES upload (id) ON DELETE CASCADE;
      ALTER TABLE file ADD FOREIGN KEY (upload_id) REFERENCES upload (id) ON DELETE CASCADE;
      CREATE INDEX file_by_client ON file (created_by, id);

      -- The sums of each client's uploads; the client's row is locked while they change.
      CREATE TABLE file_usage (
        client_id text PRIMARY KEY,
        files integer NOT NULL,
        bytes bigint NOT NULL,
        -- Uploads that are not complete.
        uploads integer NOT NULL
      );
      INSERT INTO file_usage SELECT created_by, count(*), sum(size), 0 FROM upload GROUP BY created_by;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE file DROP CONSTRAINT file_upload_id_fkey;
      ALTER TABLE file_chunk DROP CONSTRAINT file_chunk_upload_id_fkey;
      DROP INDEX file_by_client;
      DROP TABLE file_usage, upload;
    `);
  }
}

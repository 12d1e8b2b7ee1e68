import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Uploads1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- An upload has its chunks, and is complete when it has a file.
      CREATE TABLE upload (
        id uuid PRIMARY KEY,
        -- Whose quota it takes; nobody's when all of it has come in.
        client_id text,
        -- Announced, or received so far.
        size bigint NOT NULL,
        complete boolean NOT NULL DEFAULT false,
        -- -infinity: it is being removed.
        last_chunk_at timestamptz NOT NULL DEFAULT now()
      );
      INSERT INTO upload (id, size, complete) SELECT upload_id, size, true FROM file;
      CREATE INDEX upload_incomplete ON upload (id) WHERE NOT complete;

      DELETE FROM file_chunk WHERE NOT EXISTS (SELECT FROM upload WHERE id = upload_id);
      ALTER TABLE file_chunk DROP COLUMN created_at;
      ALTER TABLE file_chunk ADD FOREIGN KEY (upload_id) REFERENCES upload (id) ON DELETE CASCADE;
      ALTER TABLE file ADD FOREIGN KEY (upload_id) REFERENCES upload (id) ON DELETE CASCADE;

      -- The clients that uploaded the content and still need it; a file goes with the last one.
      CREATE TABLE file_owner (
        client_id text NOT NULL,
        file_id text NOT NULL REFERENCES file (id),
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (client_id, file_id)
      );
      CREATE INDEX file_owner_by_file ON file_owner (file_id);
      INSERT INTO file_owner (client_id, file_id, created_at) SELECT created_by, id, created_at FROM file;
      ALTER TABLE file DROP COLUMN created_by, DROP COLUMN created_at;

      -- The sums of each client's files and uploads, in one row that is locked while it grows.
      CREATE TABLE file_usage (
        client_id text PRIMARY KEY,
        files integer NOT NULL,
        bytes bigint NOT NULL,
        uploads integer NOT NULL
      );
      INSERT INTO file_usage SELECT client_id, count(*), sum(size), 0 FROM file_owner JOIN file ON id = file_id GROUP BY client_id;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE file ADD COLUMN created_by text, ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
      UPDATE file SET created_by = first.client_id, created_at = first.created_at
        FROM (SELECT DISTINCT ON (file_id) * FROM file_owner ORDER BY file_id, created_at) AS first WHERE id = file_id;
      ALTER TABLE file ALTER COLUMN created_by SET NOT NULL, DROP CONSTRAINT file_upload_id_fkey;
      ALTER TABLE file_chunk ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
        DROP CONSTRAINT file_chunk_upload_id_fkey;
      DROP TABLE file_owner, file_usage, upload;
    `);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

export class FileOwners1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- The clients that uploaded the content and still need it; a file is deleted with its last owner.
      CREATE TABLE file_owner (
        client_id text NOT NULL,
        file_id text NOT NULL REFERENCES file (id),
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (client_id, file_id)
      );
      CREATE INDEX file_owner_by_file ON file_owner (file_id);
      INSERT INTO file_owner (client_id, file_id, created_at) SELECT created_by, id, created_at FROM file;
      ALTER TABLE file DROP COLUMN created_by, DROP COLUMN created_at;

      -- The client whose quota the upload uses; null once the upload has ended.
      ALTER TABLE upload RENAME COLUMN created_by TO client_id;
      ALTER TABLE upload ALTER COLUMN client_id DROP NOT NULL;
      UPDATE upload SET client_id = NULL WHERE complete;

      ALTER TABLE file_chunk DROP COLUMN created_at;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE file_chunk ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
      ALTER TABLE file ADD COLUMN created_by text, ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
      UPDATE file SET created_by = first.client_id, created_at = first.created_at
        FROM (SELECT DISTINCT ON (file_id) * FROM file_owner ORDER BY file_id, created_at) AS first WHERE id = file_id;
      ALTER TABLE file ALTER COLUMN created_by SET NOT NULL;
      CREATE INDEX file_by_client ON file (created_by, id);
      DROP TABLE file_owner;

      UPDATE upload SET client_id = created_by FROM file WHERE upload.id = upload_id;
      DELETE FROM upload WHERE client_id IS NULL;
      ALTER TABLE upload ALTER COLUMN client_id SET NOT NULL;
      ALTER TABLE upload RENAME COLUMN client_id TO created_by;
      DELETE FROM file_usage;
      INSERT INTO file_usage
        SELECT created_by, count(*), sum(size), count(*) FILTER (WHERE NOT complete) FROM upload GROUP BY created_by;
    `);
  }
}

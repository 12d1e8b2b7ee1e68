import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Administration1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE client_secret ADD one_time boolean NOT NULL DEFAULT false;

      -- The digests of secrets that were removed, so that a file that still holds one does not bring it back.
      CREATE TABLE removed_client_secret (
        client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
        digest bytea NOT NULL,
        removed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (client_id, digest)
      );
      CREATE FUNCTION remember_removed_secret() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO removed_client_secret (client_id, digest)
          SELECT client_id, OLD.digest FROM client WHERE client_id = OLD.client_id ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $$;
      CREATE TRIGGER remember_removed AFTER DELETE ON client_secret
        FOR EACH ROW EXECUTE FUNCTION remember_removed_secret();

      -- Separate from client_secret, so that recording a use is no change of the registry.
      CREATE TABLE client_secret_use (
        secret_id uuid PRIMARY KEY REFERENCES client_secret ON DELETE CASCADE,
        last_used_at timestamptz NOT NULL,
        use_count bigint NOT NULL
      );

      -- Announced, then signing, then retired. Until now the newest key signed.
      ALTER TABLE signing_key ADD activated_at timestamptz, ADD retired_at timestamptz,
        ADD CHECK (retired_at IS NULL OR activated_at IS NOT NULL);
      UPDATE signing_key SET activated_at = created_at,
        retired_at = CASE WHEN created_at < (SELECT max(created_at) FROM signing_key) THEN now() END;
      CREATE UNIQUE INDEX one_key_signs ON signing_key ((true)) WHERE activated_at IS NOT NULL AND retired_at IS NULL;

      -- The answers to requests with an Idempotency-Key, to be repeated.
      CREATE TABLE idempotent_answer (
        actor text NOT NULL,
        idempotency_key text NOT NULL,
        request_digest bytea NOT NULL,
        encrypted_answer bytea,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (actor, idempotency_key)
      );

      CREATE TABLE audit_event (
        sequence bigint PRIMARY KEY,
        occurred_at timestamptz NOT NULL,
        type text NOT NULL,
        outcome text NOT NULL,
        actor text,
        client_id text,
        address text,
        request_id text,
        count integer NOT NULL,
        details jsonb NOT NULL,
        previous_hash text NOT NULL,
        hash text NOT NULL
      );
      CREATE INDEX ON audit_event (occurred_at);
      CREATE INDEX ON audit_event (client_id, sequence);
      CREATE INDEX ON audit_event (actor, sequence);
      CREATE INDEX ON audit_event (type, sequence);

      -- Append-only for every role but the owner of the schema.
      -- pg_temp is searched last, so that temporary tables cannot take the place of these names.
      CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql
      SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF pg_has_role(current_user, (SELECT relowner FROM pg_catalog.pg_class WHERE oid = TG_RELID), 'USAGE') THEN
          RETURN COALESCE(NEW, OLD);
        END IF;
        RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_event
        FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

      -- Deletes the oldest events, but none of the last day, and returns the last one deleted. The service cannot delete
      -- events in any other way. The names are resolved here and now, in whatever schema this is.
      CREATE FUNCTION prune_audit_events(older_than timestamptz) RETURNS TABLE (sequence bigint, hash text, count bigint)
      LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
        WITH last AS (
          SELECT a.sequence, a.hash FROM audit_event a
          WHERE a.sequence < (SELECT min(b.sequence) FROM audit_event b WHERE b.occurred_at >= least(older_than, now() - interval '1 day'))
          ORDER BY a.sequence DESC LIMIT 1
        ), deleted AS (
          DELETE FROM audit_event a USING last WHERE a.sequence <= last.sequence RETURNING 1
        )
        SELECT last.sequence, last.hash, (SELECT count(*) FROM deleted) FROM last;
      END;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION prune_audit_events;
      DROP TRIGGER remember_removed ON client_secret;
      DROP TABLE audit_event, idempotent_answer, client_secret_use, removed_client_secret;
      DROP FUNCTION refuse_rewriting, remember_removed_secret;
      DROP INDEX one_key_signs;
      ALTER TABLE signing_key DROP retired_at, DROP activated_at;
      ALTER TABLE client_secret DROP one_time;
    `);
  }
}

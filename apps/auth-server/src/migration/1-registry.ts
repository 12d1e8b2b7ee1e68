import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Registry1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE protected_resource (
        identifier text PRIMARY KEY,
        name text NOT NULL
      );

      CREATE TABLE scope (
        value text PRIMARY KEY,
        resource text NOT NULL REFERENCES protected_resource ON DELETE CASCADE ON UPDATE CASCADE,
        description text NOT NULL
      );

      CREATE TABLE client (
        client_id text PRIMARY KEY CHECK (client_id ~ '^[A-Za-z][A-Za-z0-9._-]{0,127}$'),
        client_name text NOT NULL,
        grant_types text[] NOT NULL,
        scope text[] NOT NULL,
        default_scope text[] NOT NULL CHECK (default_scope <@ scope),
        access_token_lifetime integer CHECK (access_token_lifetime BETWEEN 60 AND 3600),
        disabled_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE client_secret (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
        digest bytea NOT NULL CHECK (length(digest) = 32),
        hint text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        UNIQUE (client_id, digest)
      );

      CREATE TABLE signing_key (
        kid text PRIMARY KEY,
        public_jwk jsonb NOT NULL,
        encrypted_private_key bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );

      -- What changed, for replicas that missed the notification.
      CREATE TABLE registry_change (
        id bigserial PRIMARY KEY,
        transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
        subject text NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX ON registry_change (transaction_id);

      CREATE FUNCTION record_client_change() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        subject text := 'client:' || COALESCE(NEW.client_id, OLD.client_id);
      BEGIN
        INSERT INTO registry_change (subject) VALUES (subject);
        PERFORM pg_notify('registry_change', subject);
        RETURN NULL;
      END $$;

      CREATE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO registry_change (subject) VALUES (TG_ARGV[0]);
        PERFORM pg_notify('registry_change', TG_ARGV[0]);
        RETURN NULL;
      END $$;

      CREATE TRIGGER client_changed AFTER INSERT OR UPDATE OR DELETE ON client
        FOR EACH ROW EXECUTE FUNCTION record_client_change();
      CREATE TRIGGER client_secret_changed AFTER INSERT OR UPDATE OR DELETE ON client_secret
        FOR EACH ROW EXECUTE FUNCTION record_client_change();
      CREATE TRIGGER resource_changed AFTER INSERT OR UPDATE OR DELETE ON protected_resource
        FOR EACH STATEMENT EXECUTE FUNCTION record_change('resources');
      CREATE TRIGGER scope_changed AFTER INSERT OR UPDATE OR DELETE ON scope
        FOR EACH STATEMENT EXECUTE FUNCTION record_change('resources');
      CREATE TRIGGER signing_key_changed AFTER INSERT OR UPDATE OR DELETE ON signing_key
        FOR EACH STATEMENT EXECUTE FUNCTION record_change('signing_keys');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry_change, signing_key, client_secret, client, scope, protected_resource;
      DROP FUNCTION record_client_change, record_change;
    `);
  }
}

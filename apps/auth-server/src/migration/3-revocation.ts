import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Random, base64url. */
const randomId = `translate(encode(uuid_send(gen_random_uuid()), 'base64'), '+/=', '-_')`;

export class Revocation1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DO $$ BEGIN
        IF EXISTS (SELECT FROM scope WHERE value = 'tokens:revoke') THEN
          RAISE EXCEPTION 'a protected resource has the scope tokens:revoke, which is an administrative scope now: rename it first';
        END IF;
      END $$;

      -- The protected resources whose resource server the client is.
      ALTER TABLE client ADD resource_server_of text[] NOT NULL DEFAULT '{}';

      -- Clients that may disable clients may revoke their tokens.
      UPDATE client SET scope = scope || '{tokens:revoke}' WHERE 'clients:write' = ANY (scope);
      UPDATE client SET default_scope = default_scope || '{tokens:revoke}' WHERE 'clients:write' = ANY (default_scope);

      -- Shared by the tokens obtained with a secret; replaced when they are revoked.
      ALTER TABLE client_secret ADD grant_id text NOT NULL DEFAULT ${randomId};

      -- Tokens may outlive their secret.
      ALTER TABLE removed_client_secret ADD secret_id uuid, ADD grant_id text;
      CREATE INDEX ON removed_client_secret (secret_id);
      CREATE OR REPLACE FUNCTION remember_removed_secret() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO removed_client_secret (client_id, digest, secret_id, grant_id)
          SELECT client_id, OLD.digest, OLD.id, OLD.grant_id FROM client WHERE client_id = OLD.client_id
          ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $$;

      -- Sequence numbers are assigned under a lock, so that they become visible in their order, and from the clock,
      -- finer than rows can be written, so that none is assigned again after a backup was restored.
      CREATE TABLE revocation (
        sequence bigint PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('jti', 'grant_id', 'kid')),
        id text NOT NULL,
        client_id text,
        revoked_at timestamptz NOT NULL DEFAULT now(),
        ends_at timestamptz NOT NULL,
        UNIQUE (kind, id)
      );
      CREATE INDEX ON revocation (ends_at);
      CREATE TRIGGER revocation_added AFTER INSERT ON revocation
        FOR EACH STATEMENT EXECUTE FUNCTION record_change('revocations');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE revocation;
      CREATE OR REPLACE FUNCTION remember_removed_secret() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO removed_client_secret (client_id, digest)
          SELECT client_id, OLD.digest FROM client WHERE client_id = OLD.client_id ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $$;
      ALTER TABLE removed_client_secret DROP secret_id, DROP grant_id;
      ALTER TABLE client_secret DROP grant_id;
      ALTER TABLE client DROP resource_server_of;
      UPDATE client SET default_scope = array_remove(default_scope, 'tokens:revoke');
      UPDATE client SET scope = array_remove(scope, 'tokens:revoke');
    `);
  }
}

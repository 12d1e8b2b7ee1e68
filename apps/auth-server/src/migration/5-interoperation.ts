import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Interoperation1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(String.raw`
      ALTER TABLE protected_resource
        ADD access_token_lifetime integer CHECK (access_token_lifetime > 0),
        ADD access_token_typ text NOT NULL DEFAULT 'at+jwt' CHECK (access_token_typ IN ('at+jwt', 'JWT'));
      ALTER TABLE client
        DROP CONSTRAINT client_client_id_check,
        ADD CONSTRAINT client_client_id_check CHECK (client_id ~ '^[\x21-\x7E]{1,255}$');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(String.raw`
      ALTER TABLE protected_resource DROP access_token_lifetime, DROP access_token_typ;
      ALTER TABLE client
        DROP CONSTRAINT client_client_id_check,
        ADD CONSTRAINT client_client_id_check CHECK (client_id ~ '^[A-Za-z][A-Za-z0-9._-]{0,127}$') NOT VALID;
    `);
  }
}

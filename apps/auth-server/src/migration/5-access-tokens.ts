import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AccessTokens1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE protected_resource
        ADD access_token_lifetime integer CHECK (access_token_lifetime > 0),
        ADD access_token_typ text NOT NULL DEFAULT 'at+jwt' CHECK (access_token_typ IN ('at+jwt', 'JWT'))
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protected_resource DROP access_token_lifetime, DROP access_token_typ');
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Quotas1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE client ADD tokens_per_minute integer CHECK (tokens_per_minute > 0)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE client DROP tokens_per_minute');
  }
}

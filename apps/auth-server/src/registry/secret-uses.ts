import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { repeat } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';

/** How often uses are written, seconds. */
export const secretUsePeriod = 5;

/** The maximum number of secrets whose uses wait during an outage of the database. */
const capacity = 100_000;

/** When each secret was last used, and how often: counted in memory, written in batches and at shutdown. */
@Injectable()
export class SecretUses implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(SecretUses.name);
  private uses = new Map<string, { count: number; last: number }>();
  private stop?: () => void;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly database: DataSource) {}

  onApplicationBootstrap(): void {
    this.stop = repeat(
      () => secretUsePeriod * 1000,
      () => this.write(),
      // Uses that could not be written wait for the next time.
      () => undefined,
    );
  }

  onApplicationShutdown(): Promise<void> {
    this.stop?.();
    return this.write();
  }

  record(secretId: string): void {
    this.add(secretId, 1, Date.now());
  }

  private add(secretId: string, count: number, last: number): void {
    const use = this.uses.get(secretId);
    if (use) {
      use.count += count;
      use.last = Math.max(use.last, last);
    } else if (this.uses.size < capacity) {
      this.uses.set(secretId, { count, last });
    }
  }

  private write(): Promise<void> {
    this.writing = this.writing.then(() => this.writeAll());
    return this.writing;
  }

  /** Secrets that were removed meanwhile are left out. */
  private async writeAll(): Promise<void> {
    if (this.uses.size === 0) return;
    const uses = this.uses;
    this.uses = new Map();
    const values = [...uses.values()];
    try {
      await this.database.query(
        `INSERT INTO client_secret_use (secret_id, use_count, last_used_at)
           SELECT id, used.count, used.last
           FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS used(id, count, last)
           JOIN client_secret USING (id)
           ORDER BY id
         ON CONFLICT (secret_id) DO UPDATE SET
           use_count = client_secret_use.use_count + excluded.use_count,
           last_used_at = greatest(client_secret_use.last_used_at, excluded.last_used_at)`,
        [[...uses.keys()], values.map(({ count }) => count), values.map(({ last }) => new Date(last))],
      );
    } catch (error) {
      this.logger.warn({
        msg: 'uses of secrets could not be written; retrying',
        secrets: uses.size,
        err: error,
      });
      for (const [secretId, { count, last }] of uses) this.add(secretId, count, last);
    }
  }
}

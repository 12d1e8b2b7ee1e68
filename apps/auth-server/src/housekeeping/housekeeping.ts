import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIGURATION, repeat } from '@lanyard/service-defaults';
import { DataSource, type EntityManager } from 'typeorm';
import { advisoryLocks } from '../advisory-locks.ts';
import { appendAuditEvents, serverOrigin } from '../audit/append-audit-events.ts';
import type { AuthServerConfiguration } from '../configuration.ts';

const tenMinutes = 600_000;

/** Deletes expired rows. One replica does it, whichever comes first. */
@Injectable()
export class Housekeeping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Housekeeping.name);
  private stop?: () => void;

  constructor(
    private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  onApplicationBootstrap(): void {
    // Not all replicas at once, nor while they start.
    const period = () => tenMinutes * (0.5 + Math.random());
    this.stop = repeat(
      period,
      () => this.tidy(),
      (err) => this.logger.warn({ msg: 'old rows could not be deleted', err }),
    );
  }

  beforeApplicationShutdown(): void {
    this.stop?.();
  }

  async tidy(): Promise<void> {
    await this.database.transaction(async (manager) => {
      const [{ locked }] = await manager.query<[{ locked: boolean }]>(
        'SELECT pg_try_advisory_xact_lock($1) AS locked',
        [advisoryLocks.housekeeping],
      );
      if (!locked) return;
      await manager.query(`DELETE FROM registry_change WHERE changed_at < now() - interval '1 day'`);
      await manager.query(`DELETE FROM idempotent_answer WHERE created_at < now() - interval '1 hour'`);
      await deleteEndedRevocations(manager);
      const [pruned] = await manager.query<{ sequence: string; hash: string; count: string }[]>(
        `SELECT * FROM prune_audit_events(now() - make_interval(days => $1))`,
        [this.configuration.AUDIT_RETENTION],
      );
      if (!pruned) return;
      const details = {
        through_sequence: Number(pruned.sequence),
        through_hash: pruned.hash,
        events: Number(pruned.count),
      };
      await appendAuditEvents(manager, [{ type: 'audit.pruned', origin: serverOrigin('auth-server'), details }]);
    });
  }
}

/** Deletes in batches, since there may be many. Keeps the last one: a replica that starts reads the cursor from it. */
async function deleteEndedRevocations(manager: EntityManager): Promise<void> {
  for (let deleted = 1; deleted > 0;) {
    [, deleted] = await manager.query<[unknown, number]>(
      `DELETE FROM revocation WHERE sequence IN (
         SELECT sequence FROM revocation
         WHERE ends_at < now() AND sequence < (SELECT max(sequence) FROM revocation) LIMIT 10000
       )`,
    );
  }
}

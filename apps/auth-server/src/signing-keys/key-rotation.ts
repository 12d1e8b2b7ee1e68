import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIGURATION, repeat } from '@lanyard/service-defaults';
import { DataSource, type EntityManager } from 'typeorm';
import { serverOrigin, type AuditRecord, type Origin } from '../audit/append-audit-events.ts';
import type { AuthServerConfiguration } from '../configuration.ts';
import { announceKey, changeKeys, deleteKeys, keyRecord } from './change-keys.ts';
import { dueSteps, stateOf, type KeyStep } from './key-lifecycle.ts';
import { SigningKeyRow } from './signing-key.entity.ts';
import { SigningKeys } from './signing-keys.ts';

/**
 * Rotates the signing keys. Each replica checks in memory whether a step is due; one of them takes it, under a lock in
 * the database and after reading the keys again.
 */
@Injectable()
export class KeyRotation implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(KeyRotation.name);
  private stop?: () => void;

  constructor(
    private readonly database: DataSource,
    private readonly keys: SigningKeys,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = repeat(
      () => 1000,
      () => this.rotateWhereDue(),
      (err) => this.logger.warn({ msg: 'the signing keys could not be rotated; retrying', err }),
    );
  }

  beforeApplicationShutdown(): void {
    this.stop?.();
  }

  async rotateWhereDue(): Promise<void> {
    if (dueSteps(this.keys.all, this.keys.periods, Date.now()).length === 0) return;
    const origin = serverOrigin('auth-server');
    const recorded = await this.database.transaction((manager) =>
      changeKeys(manager, async (rows, now) => {
        const records: AuditRecord[] = [];
        for (const step of dueSteps(rows, this.keys.periods, now)) {
          if (step.step === 'activate') records.push(...(await retireSigning(manager, rows, origin)));
          records.push(...(await this.take(step, manager, origin)));
        }
        return records;
      }),
    );
    for (const { type, details } of recorded) this.logger.log({ msg: type, ...details, actor: origin.actor });
  }

  private async take(step: KeyStep, manager: EntityManager, origin: Origin): Promise<AuditRecord[]> {
    switch (step.step) {
      case 'announce':
        return [await announceKey(manager, this.configuration.KEY_ENCRYPTION_KEY[0]!, origin)];
      case 'activate':
        await manager.update(SigningKeyRow, { kid: step.kid }, { activatedAt: () => 'now()' });
        return [keyRecord('signing_key.activated', step.kid, origin)];
      case 'delete':
        await deleteKeys(manager, step.kids);
        return step.kids.map((kid) => keyRecord('signing_key.deleted', kid, origin));
      default:
        return step satisfies never;
    }
  }
}

async function retireSigning(manager: EntityManager, rows: SigningKeyRow[], origin: Origin): Promise<AuditRecord[]> {
  const signing = rows.filter((row) => stateOf(row) === 'signing');
  for (const { kid } of signing) await manager.update(SigningKeyRow, { kid }, { retiredAt: () => 'now()' });
  return signing.map(({ kid }) => keyRecord('signing_key.retired', kid, origin));
}

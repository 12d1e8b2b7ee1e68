import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIGURATION, Readiness, repeat } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { Notifications } from './notifications.ts';

/** `client:<client_id>`, `resources`, `signing_keys` or `revocations`, as the database's triggers say it. */
export type ChangeListener = (subject: string) => Promise<void> | void;

/** How soon it is looked again whether a lost database is back, for a request's sake; ms. */
const lookAgain = 1000;

/**
 * Tells what changed in the registry: at once through NOTIFY, and by a look at the table `registry_change` each period
 * for notifications that were lost. What was changed during a lost connection is told as soon as there is a new one.
 */
@Injectable()
export class RegistryChanges implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(RegistryChanges.name);
  private readonly listeners: ChangeListener[] = [];
  private readonly lossListeners: (() => void)[] = [];
  private stopReconciling?: () => void;
  /** Changes of transactions from this one on have not all been told. */
  private horizon?: string;
  private begun?: Promise<void>;
  /** When it was last looked, ms of the process. */
  private lookedAt = Number.NEGATIVE_INFINITY;
  /** Whether the last look failed, or what was found could not be taken in. */
  private lost = false;
  /** ms of the process */
  private lostAt = Number.NEGATIVE_INFINITY;
  private reconciling?: Promise<void>;

  constructor(
    private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    notifications: Notifications,
    readiness: Readiness,
  ) {
    notifications.listen('registry_change', {
      heard: (subject) => this.heard(subject),
      catchUp: () => this.catchUp(),
    });
    readiness.require('registry changes', async () =>
      notifications.isListening
        ? undefined
        : { degraded: 'no notifications at the moment: changes take effect with a delay' },
    );
  }

  /** Call before reading what is to be kept up to date, so that no change falls in between. */
  async begin(listener: ChangeListener): Promise<void> {
    this.listeners.push(listener);
    this.begun ??= this.reconcile();
    await this.begun;
  }

  /** @param listener  told when the database is lost: what others change is not heard of until it is back */
  whenLost(listener: () => void): void {
    this.lossListeners.push(listener);
  }

  /** Whether it is not heard of what others change. */
  get isLost(): boolean {
    return this.lost;
  }

  /** For how long it has not been known here what changed, seconds; up to a reconciliation period in good times. */
  get staleness(): number {
    return (performance.now() - this.lookedAt) / 1000;
  }

  onApplicationBootstrap(): void {
    this.stopReconciling = repeat(
      () => this.configuration.REGISTRY_RECONCILIATION_PERIOD * 1000,
      () => this.reconcile(),
      (error) => this.warn(error),
    );
  }

  beforeApplicationShutdown(): void {
    this.stopReconciling?.();
  }

  /** As soon as this has ended, what was committed before it is in force here. */
  async catchUp(): Promise<void> {
    // A look that began before may have missed it.
    await this.reconciling?.catch(() => undefined);
    await this.reconcileOrWarn();
  }

  /** Whether what others changed is heard of; looks once more where that failed, but not at once. */
  async isReached(): Promise<boolean> {
    if (this.lost && performance.now() - this.lostAt > lookAgain) await this.reconcile().catch(() => undefined);
    return !this.lost;
  }

  /** Like `catchUp`, and fails where the database is away. */
  async requireCaughtUp(): Promise<void> {
    await this.reconciling?.catch(() => undefined);
    await this.reconcile();
  }

  /** Tells all changes since the last time. What a listener could not take in is told again the next time. */
  reconcile(): Promise<void> {
    this.reconciling ??= this.tellAll().finally(() => {
      this.reconciling = undefined;
    });
    return this.reconciling;
  }

  private reconcileOrWarn(): Promise<void> {
    return this.reconcile().catch((error: unknown) => this.warn(error));
  }

  private warn(error: unknown): void {
    this.logger.warn({ msg: 'reconciliation failed', err: error });
  }

  private async tellAll(): Promise<void> {
    const begun = performance.now();
    try {
      const { horizon, subjects } = await this.read(this.horizon);
      const failures: unknown[] = [];
      for (const subject of subjects) await this.tell(subject).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw failures[0];
      this.horizon = horizon;
    } catch (error) {
      this.lose();
      throw error;
    }
    this.lookedAt = begun;
    this.lost = false;
  }

  private lose(): void {
    this.lostAt = performance.now();
    if (this.lost) return;
    this.lost = true;
    for (const tell of this.lossListeners) tell();
  }

  /** All transactions below a snapshot's xmin have ended, so nothing below the returned horizon can be missed. */
  private async read(since?: string): Promise<{ horizon: string; subjects: string[] }> {
    const [row] = await this.database.query<{ horizon: string; subjects: string[] }[]>(
      `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon,
              ARRAY(SELECT DISTINCT subject FROM registry_change WHERE transaction_id >= $1::xid8) AS subjects`,
      [since ?? null],
    );
    return row!;
  }

  private async tell(subject: string): Promise<void> {
    for (const listener of this.listeners) await listener(subject);
  }

  private heard(subject: string): void {
    this.tell(subject).catch((error: unknown) => {
      this.logger.warn({ msg: 'a registry change is taken in later', subject, err: error });
      this.lose();
    });
  }
}

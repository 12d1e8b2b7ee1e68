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

/** `client:<client_id>`, `resources`, `signing_keys` or `revocations`, as the database's triggers write it. */
export type ChangeListener = (subject: string) => Promise<void> | void;

/** How soon a request may check again whether a lost database is back, ms. */
const retryPeriod = 1000;

/**
 * Notifies its listeners of changes in the registry: at once through NOTIFY, and by reading the table `registry_change`
 * each period, for notifications that were lost. Changes that happened without a connection are read as soon as there
 * is a new one.
 */
@Injectable()
export class RegistryChanges implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(RegistryChanges.name);
  private readonly listeners: ChangeListener[] = [];
  private readonly lossListeners: (() => void)[] = [];
  private stopReconciling?: () => void;
  /** Listeners may have missed changes of transactions from this one on. */
  private horizon?: string;
  private begun?: Promise<void>;
  /** When the changes were last read, ms of `performance.now()`. */
  private readAt = Number.NEGATIVE_INFINITY;
  /** Whether the last reading failed, or a listener could not apply a change. */
  private lost = false;
  /** ms of `performance.now()` */
  private lostAt = Number.NEGATIVE_INFINITY;
  private reconciling?: Promise<void>;

  constructor(
    private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    notifications: Notifications,
    readiness: Readiness,
  ) {
    notifications.listen('registry_change', {
      receive: (subject) => this.receive(subject),
      catchUp: () => this.catchUp(),
    });
    readiness.require('registry changes', async () =>
      notifications.isListening
        ? undefined
        : { degraded: 'no notifications at the moment: changes take effect with a delay' },
    );
  }

  /** Call it before reading what must be kept up to date, so that no change is missed in between. */
  async begin(listener: ChangeListener): Promise<void> {
    this.listeners.push(listener);
    this.begun ??= this.reconcile();
    await this.begun;
  }

  /** @param listener  called when the database is lost: changes by other replicas are not received until it is back */
  onLost(listener: () => void): void {
    this.lossListeners.push(listener);
  }

  /** Whether changes by other replicas are not received. */
  get isLost(): boolean {
    return this.lost;
  }

  /** How long ago the changes were last read, seconds; up to a reconciliation period in normal operation. */
  get staleness(): number {
    return (performance.now() - this.readAt) / 1000;
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

  /** When this resolves, every change that was committed before the call has taken effect here. */
  async catchUp(): Promise<void> {
    // A reading that is under way may have begun before the latest change was committed.
    await this.reconciling?.catch(() => undefined);
    await this.reconcileOrWarn();
  }

  /** Whether changes by other replicas are received. After a failure, reads them again, at most once a second. */
  async isCurrent(): Promise<boolean> {
    if (this.lost && performance.now() - this.lostAt > retryPeriod) await this.reconcile().catch(() => undefined);
    return !this.lost;
  }

  /** Like `catchUp`, but fails if the database is not available. */
  async requireCaughtUp(): Promise<void> {
    await this.reconciling?.catch(() => undefined);
    await this.reconcile();
  }

  /** Notifies listeners of all changes since the last time, and again of a change that could not be applied. */
  reconcile(): Promise<void> {
    this.reconciling ??= this.readChanges().finally(() => {
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

  private async readChanges(): Promise<void> {
    const begun = performance.now();
    try {
      const { horizon, subjects } = await this.read(this.horizon);
      const failures: unknown[] = [];
      for (const subject of subjects) await this.notify(subject).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw failures[0];
      this.horizon = horizon;
    } catch (error) {
      this.markLost();
      throw error;
    }
    this.readAt = begun;
    this.lost = false;
  }

  private markLost(): void {
    this.lostAt = performance.now();
    if (this.lost) return;
    this.lost = true;
    for (const listener of this.lossListeners) listener();
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

  private async notify(subject: string): Promise<void> {
    for (const listener of this.listeners) await listener(subject);
  }

  private receive(subject: string): void {
    this.notify(subject).catch((error: unknown) => {
      this.logger.warn({ msg: 'a registry change could not be applied; retrying', subject, err: error });
      this.markLost();
    });
  }
}

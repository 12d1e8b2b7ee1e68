import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIGURATION, problemException, repeat } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, In, type EntityManager } from 'typeorm';
import { appendAuditEvents, type AuditRecord, type Origin } from '../audit/append-audit-events.ts';
import type { AuthServerConfiguration } from '../configuration.ts';
import { administrate } from '../administration/administrate.ts';
import { theServer, type Administrator } from '../administration/origin.ts';
import { notFound } from '../administration/problems.ts';
import { bulk, emergencies } from '../pools.ts';
import { revokeKeys } from '../revocation/revoke.ts';
import { createSigningKey } from './create-signing-key.ts';
import { encrypt } from './encryption.ts';
import { dueSteps, stateOf, type KeyStep } from './key-lifecycle.ts';
import { SigningKeyRow } from './signing-key.entity.ts';
import { SigningKeys } from './signing-keys.ts';

/** Any number, for this purpose alone. */
const rotationLock = 0x1a9a_4d02;

/**
 * Rotates the signing keys. Each replica looks in its memory whether something is due; one of them does it, under a
 * lock in the database and after a look at what is there.
 */
@Injectable()
export class KeyRotation implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(KeyRotation.name);
  private stop?: () => void;

  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @InjectDataSource(emergencies) private readonly emergencies: DataSource,
    @InjectDataSource(bulk) private readonly bulk: DataSource,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = repeat(
      () => 1000,
      () => this.rotateWhereDue(),
      (err) => this.logger.warn({ msg: 'the signing keys could not be rotated; it is tried again', err }),
    );
  }

  beforeApplicationShutdown(): void {
    this.stop?.();
  }

  /** Announces a successor now, which takes over when it has been announced long enough; one that is announced stays. */
  async announce(administrator: Administrator): Promise<void> {
    await this.exclusively(this.emergencies, administrator, async (manager, rows) => {
      if (rows.some((row) => stateOf(row) === 'announced')) return [];
      return this.take({ step: 'announce' }, manager, administrator);
    });
  }

  /** In an emergency: a new key signs at once, and all others are gone, since who has read one may have read all. */
  async replaceAll(administrator: Administrator): Promise<void> {
    await this.exclusively(this.emergencies, administrator, (manager, rows) =>
      this.withdrawn(manager, rows, rows, administrator),
    );
  }

  /** All tokens of one key are revoked and the key is gone; if it signed, a new one signs at once. */
  async withdraw(kid: string, administrator: Administrator): Promise<void> {
    await this.exclusively(this.emergencies, administrator, (manager, rows) => {
      const row = rows.find((key) => key.kid === kid);
      if (!row) throw notFound('signing key');
      return this.withdrawn(manager, rows, [row], administrator);
    });
  }

  private async withdrawn(
    manager: EntityManager,
    rows: readonly SigningKeyRow[],
    withdrawn: readonly SigningKeyRow[],
    origin: Origin,
  ): Promise<AuditRecord[]> {
    const kids = withdrawn.map(({ kid }) => kid);
    await manager.delete(SigningKeyRow, { kid: In(kids) });
    const records = kids.map((kid) => recordOf('signing_key.withdrawn', kid, origin));
    if (!rows.some((row) => stateOf(row) === 'signing' && !kids.includes(row.kid))) {
      const key = await createSigningKey(this.currentKeyEncryptionKey);
      await manager.insert(SigningKeyRow, { ...key, activatedAt: new Date() });
      records.push(recordOf('signing_key.activated', key.kid, origin));
    }
    await revokeKeys(manager, kids);
    return records;
  }

  /** Encrypts all private keys with the first of the key encryption keys. @returns how many were with another one */
  async reencrypt(administrator: Administrator): Promise<number> {
    const reencrypted: Pick<SigningKeyRow, 'kid' | 'encryptedPrivateKey'>[] = [];
    await this.exclusively(this.bulk, administrator, async (manager, rows) => {
      for (const row of rows) {
        const decrypted = this.keys.decrypted(row);
        if (!decrypted) {
          const detail = `none of the key encryption keys is the one of the signing key ${row.kid}`;
          throw problemException(409, 'key-encryption-key-missing', 'A key encryption key is missing', { detail });
        }
        if (decrypted.keyIndex === 0) continue;
        const encryptedPrivateKey = encrypt(decrypted.plaintext, row.kid, this.currentKeyEncryptionKey);
        reencrypted.push({ kid: row.kid, encryptedPrivateKey });
      }
      // All at once, however many: an emergency waits meanwhile.
      await manager.query(
        `UPDATE signing_key SET encrypted_private_key = reencrypted.private_key
         FROM unnest($1::text[], $2::bytea[]) AS reencrypted(kid, private_key) WHERE signing_key.kid = reencrypted.kid`,
        [reencrypted.map(({ kid }) => kid), reencrypted.map(({ encryptedPrivateKey }) => encryptedPrivateKey)],
      );
      return [
        { type: 'signing_keys.reencrypted', origin: administrator, details: { reencrypted: reencrypted.length } },
      ];
    });
    return reencrypted.length;
  }

  private get currentKeyEncryptionKey(): string {
    return this.configuration.KEY_ENCRYPTION_KEY[0]!;
  }

  private async rotateWhereDue(): Promise<void> {
    if (dueSteps(this.keys.all, this.keys.periods, Date.now()).length === 0) return;
    const origin = theServer('auth-server');
    await this.exclusively(this.database, origin, async (manager, rows, now) => {
      const records: AuditRecord[] = [];
      for (const step of dueSteps(rows, this.keys.periods, now)) {
        if (step.step === 'activate') records.push(...(await this.retireSigning(manager, rows, origin)));
        records.push(...(await this.take(step, manager, origin)));
      }
      return records;
    });
  }

  private async take(step: KeyStep, manager: EntityManager, origin: Origin): Promise<AuditRecord[]> {
    switch (step.step) {
      case 'announce': {
        const key = await createSigningKey(this.currentKeyEncryptionKey);
        await manager.insert(SigningKeyRow, key);
        return [recordOf('signing_key.announced', key.kid, origin)];
      }
      case 'activate':
        await manager.update(SigningKeyRow, { kid: step.kid }, { activatedAt: () => 'now()' });
        return [recordOf('signing_key.activated', step.kid, origin)];
      case 'delete':
        await manager.delete(SigningKeyRow, { kid: In(step.kids) });
        return step.kids.map((kid) => recordOf('signing_key.deleted', kid, origin));
      default:
        return step satisfies never;
    }
  }

  private async retireSigning(manager: EntityManager, rows: SigningKeyRow[], origin: Origin): Promise<AuditRecord[]> {
    const signing = rows.filter((row) => stateOf(row) === 'signing');
    for (const { kid } of signing) await manager.update(SigningKeyRow, { kid }, { retiredAt: () => 'now()' });
    return signing.map(({ kid }) => recordOf('signing_key.retired', kid, origin));
  }

  /** One replica at a time; the database's clock is everybody's. */
  private async exclusively(
    database: DataSource,
    administrator: Administrator,
    work: (manager: EntityManager, rows: SigningKeyRow[], now: number) => Promise<AuditRecord[]>,
  ): Promise<void> {
    const acts = await administrate(database, administrator, async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1)', [rotationLock]);
      const [{ now }] = await manager.query<[{ now: Date }]>('SELECT clock_timestamp() AS now');
      const rows = await manager.find(SigningKeyRow);
      const records = await work(manager, rows, now.getTime());
      await appendAuditEvents(manager, records);
      return records;
    });
    for (const { type, details, origin } of acts) this.logger.log({ msg: type, ...details, actor: origin.actor });
  }
}

const recordOf = (type: AuditRecord['type'], kid: string, origin: Origin): AuditRecord => ({
  type,
  origin,
  details: { kid },
});

import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIGURATION, notFound, problemException } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { AuditRecord, Origin } from '../../audit/append-audit-events.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { bulk, emergencies } from '../../pools.ts';
import { revokeKeys } from '../../revoked-tokens/revoke.ts';
import { activateNewKey, announceKey, changeKeys, deleteKeys, keyRecord } from '../../signing-keys/change-keys.ts';
import { encrypt } from '../../signing-keys/encryption.ts';
import { stateOf } from '../../signing-keys/key-lifecycle.ts';
import type { SigningKeyRow } from '../../signing-keys/signing-key.entity.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';
import { administrate } from '../administrate.ts';
import type { Administrator } from '../current-administrator.ts';

/** The administration of the signing keys, which otherwise rotate automatically. */
@Injectable()
export class Keys {
  private readonly logger = new Logger(Keys.name);

  constructor(
    @InjectDataSource(emergencies) private readonly emergencies: DataSource,
    @InjectDataSource(bulk) private readonly bulk: DataSource,
    private readonly signingKeys: SigningKeys,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  /** Announces a successor, which takes over after the announcement period; does nothing if there is one already. */
  async announce(administrator: Administrator): Promise<void> {
    await this.change(this.emergencies, administrator, async (manager, rows) => {
      if (rows.some((row) => stateOf(row) === 'announced')) return [];
      return [await announceKey(manager, this.currentKeyEncryptionKey, administrator)];
    });
  }

  /** In an emergency: a new key signs at once, and all others are deleted: an attacker may have read them all. */
  async replaceAll(administrator: Administrator): Promise<void> {
    await this.change(this.emergencies, administrator, (manager, rows) =>
      this.remove(manager, rows, rows, administrator),
    );
  }

  /** Revokes all tokens of one key and deletes the key; if it signed, a new one signs at once. */
  async withdraw(kid: string, administrator: Administrator): Promise<void> {
    await this.change(this.emergencies, administrator, (manager, rows) => {
      const row = rows.find((key) => key.kid === kid);
      if (!row) throw notFound('signing key');
      return this.remove(manager, rows, [row], administrator);
    });
  }

  /** Encrypts all private keys with the first of the key encryption keys. @returns how many had another one */
  async reencrypt(administrator: Administrator): Promise<number> {
    const reencrypted: Pick<SigningKeyRow, 'kid' | 'encryptedPrivateKey'>[] = [];
    await this.change(this.bulk, administrator, async (manager, rows) => {
      for (const row of rows) {
        const decrypted = this.signingKeys.decrypted(row);
        if (!decrypted) {
          const detail = `none of the key encryption keys decrypts the signing key ${row.kid}`;
          throw problemException(409, 'key-encryption-key-missing', 'A key encryption key is missing', { detail });
        }
        if (decrypted.keyIndex === 0) continue;
        const encryptedPrivateKey = encrypt(decrypted.plaintext, row.kid, this.currentKeyEncryptionKey);
        reencrypted.push({ kid: row.kid, encryptedPrivateKey });
      }
      // In one statement, however many: an emergency waits meanwhile.
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

  private async remove(
    manager: EntityManager,
    rows: readonly SigningKeyRow[],
    removed: readonly SigningKeyRow[],
    origin: Origin,
  ): Promise<AuditRecord[]> {
    const kids = removed.map(({ kid }) => kid);
    await deleteKeys(manager, kids);
    const records = kids.map((kid) => keyRecord('signing_key.withdrawn', kid, origin));
    if (!rows.some((row) => stateOf(row) === 'signing' && !kids.includes(row.kid))) {
      records.push(await activateNewKey(manager, this.currentKeyEncryptionKey, origin));
    }
    await revokeKeys(manager, kids);
    return records;
  }

  private async change(
    database: DataSource,
    administrator: Administrator,
    work: (manager: EntityManager, rows: SigningKeyRow[]) => Promise<AuditRecord[]>,
  ): Promise<void> {
    const records = await administrate(database, administrator, (manager) =>
      changeKeys(manager, (rows) => work(manager, rows)),
    );
    for (const { type, details, origin } of records) this.logger.log({ msg: type, ...details, actor: origin.actor });
  }

  private get currentKeyEncryptionKey(): string {
    return this.configuration.KEY_ENCRYPTION_KEY[0]!;
  }
}

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { SigningKey } from '@lanyard/access-token';
import { CONFIGURATION, Readiness, StartupError } from '@lanyard/service-defaults';
import { InjectRepository } from '@nestjs/typeorm';
import type { JSONWebKeySet } from 'jose';
import { Repository } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { RegistryChanges } from '../registry/registry-changes.ts';
import { decryptPrivateKey } from './key-encryption.ts';
import { SigningKeyRow } from './signing-key.entity.ts';

/** The signing keys, in memory: the newest signs, all are published. */
@Injectable()
export class SigningKeys implements OnModuleInit {
  private signing?: SigningKey;
  private published: JSONWebKeySet = { keys: [] };

  constructor(
    @InjectRepository(SigningKeyRow) private readonly rows: Repository<SigningKeyRow>,
    @Inject(RegistryChanges) private readonly changes: RegistryChanges,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    @Inject(Readiness) private readonly readiness: Readiness,
  ) {}

  async onModuleInit(): Promise<void> {
    this.readiness.require('signing key', async () => void this.current);
    await this.changes.begin((subject) => (subject === 'signing_keys' ? this.load() : undefined));
    await this.load();
  }

  get current(): SigningKey {
    if (!this.signing) throw new Error('there is no signing key');
    return this.signing;
  }

  /** RFC 7517 section 5: public members alone. */
  get jwks(): JSONWebKeySet {
    return this.published;
  }

  private async load(): Promise<void> {
    const rows = await this.rows.find({ order: { createdAt: 'DESC' } });
    const [newest] = rows;
    if (!newest) throw new StartupError('the database has no signing key: run the migration first');
    this.signing = { kid: newest.kid, privateKey: this.decrypt(newest) };
    this.published = { keys: rows.map(({ publicJwk }) => publicJwk) };
  }

  private decrypt({ encryptedPrivateKey, kid }: SigningKeyRow) {
    try {
      return decryptPrivateKey(encryptedPrivateKey, kid, this.configuration.KEY_ENCRYPTION_KEY);
    } catch {
      throw new StartupError(`KEY_ENCRYPTION_KEY is not the one that the signing key ${kid} was encrypted with`);
    }
  }
}

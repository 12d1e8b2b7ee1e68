import { createHash, createPrivateKey } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { SigningKey } from '@lanyard/access-token';
import type { SigningKeyDescription } from '@lanyard/administration';
import { OAuthError } from '@lanyard/oauth-protocol';
import { CONFIGURATION, Readiness, StartupError } from '@lanyard/service-defaults';
import { InjectRepository } from '@nestjs/typeorm';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { Repository } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { WaitingRequests } from '../replicas/waiting-requests.ts';
import { serializedReload } from '../replicas/serialized-reload.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';
import { decrypt } from './encryption.ts';
import { nextOf, retirement, stateOf, type KeyPeriods } from './key-lifecycle.ts';
import { SigningKeyRow } from './signing-key.entity.ts';

/**
 * For how long a key that was not announced is published before it signs an access token, ms: by then, other replicas
 * publish it, and validators that wait for new keys have it.
 */
const settling = 500;

/** The signing keys, in memory: one signs, all are published. */
@Injectable()
export class SigningKeys implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(SigningKeys.name);
  private signing: SigningKey | undefined;
  /** Follows `signing` as soon as it has been published for long enough. */
  private successor: SigningKey | undefined;
  private settled: Promise<void> | undefined;
  private published: JSONWebKeySet = { keys: [] };
  private validating: JWTVerifyGetKey = createLocalJWKSet(this.published);
  private loaded: SigningKeyRow[] = [];
  /** Requests that wait for a change of the JWK Set. */
  readonly waiting = new WaitingRequests();
  /** Changes with the JWK Set. */
  etag = '';

  constructor(
    @InjectRepository(SigningKeyRow) private readonly rows: Repository<SigningKeyRow>,
    private readonly changes: RegistryChanges,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    private readonly readiness: Readiness,
  ) {}

  async onModuleInit(): Promise<void> {
    this.readiness.require('signing key', async () => void this.newest);
    await this.changes.begin((subject) => (subject === 'signing_keys' ? this.loadIfUsable() : undefined));
    await this.load();
  }

  beforeApplicationShutdown(): void {
    this.waiting.stop();
  }

  get current(): SigningKey {
    if (!this.signing) throw new OAuthError('temporarily_unavailable', 'there is no signing key at the moment');
    return this.signing;
  }

  /** The key that signs revocation lists, which do not wait: a validator without it requests the JWK Set. */
  get newest(): SigningKey {
    return this.successor ?? this.current;
  }

  /** Resolves when a new key has been published for long enough to sign; undefined if a key signs, or none is new. */
  get untilSigning(): Promise<void> | undefined {
    return this.signing || !this.successor ? undefined : this.settled;
  }

  /** RFC 7517 section 5: only public members. */
  get jwks(): JSONWebKeySet {
    return this.published;
  }

  /** All keys, as they were last read. */
  get all(): readonly SigningKeyRow[] {
    return this.loaded;
  }

  get periods(): KeyPeriods {
    const { SIGNING_KEY_ANNOUNCEMENT: announcement, SIGNING_KEY_PERIOD: signing } = this.configuration;
    return { announcement, signing, retirement };
  }

  /** Finds the key that validates a token of this server. */
  readonly getKey: JWTVerifyGetKey = (header, token) => this.validating(header, token);

  /** A new object whenever a key is added or deleted. */
  get keySet(): object {
    return this.validating;
  }

  describe(row: SigningKeyRow): SigningKeyDescription {
    const { next, at } = nextOf(row, this.periods);
    const keyIndex = this.decrypted(row)?.keyIndex;
    return {
      kid: row.kid,
      alg: row.publicJwk.alg ?? '',
      state: stateOf(row),
      created_at: row.createdAt.toISOString(),
      activated_at: row.activatedAt?.toISOString() ?? null,
      retired_at: row.retiredAt?.toISOString() ?? null,
      next,
      next_at: new Date(at).toISOString(),
      key_encryption: keyIndex === undefined ? 'unknown' : keyIndex === 0 ? 'current' : 'former',
    };
  }

  decrypted({ encryptedPrivateKey, kid }: SigningKeyRow): { plaintext: Buffer; keyIndex: number } | undefined {
    return decrypt(encryptedPrivateKey, kid, this.configuration.KEY_ENCRYPTION_KEY);
  }

  private readonly load = serializedReload(() => this.read());

  /** Does not fail if the keys themselves are unusable: reading them again would not help. */
  private async loadIfUsable(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      this.logger.error({ msg: 'the signing key cannot be used', err: error });
    }
  }

  private async read(): Promise<void> {
    const rows = await this.rows.find({ order: { createdAt: 'DESC' } });
    const signing = rows.find((row) => stateOf(row) === 'signing');
    const isUnannounced = this.loaded.length > 0 && !this.loaded.some(({ kid }) => kid === signing?.kid);
    if (rows.length > 0) this.publish(rows);
    // If the new key cannot be read, the old one signs for as long as it is published; a withdrawn one does not sign.
    if (!rows.some(({ kid }) => kid === this.signing?.kid)) this.signing = undefined;
    if (!rows.some(({ kid }) => kid === this.successor?.kid)) this.successor = undefined;
    if (!signing) throw new StartupError('the database has no signing key: run the migration first');
    if (signing.kid === (this.successor ?? this.signing)?.kid) return;
    const key = { kid: signing.kid, privateKey: this.privateKeyOf(signing) };
    if (!isUnannounced) return this.signWith(key);
    this.successor = key;
    this.settled = sleep(settling, undefined, { ref: false }).then(() => {
      // Unless it was withdrawn meanwhile.
      if (this.successor === key) this.signWith(key);
    });
  }

  private signWith(key: SigningKey): void {
    this.signing = key;
    this.successor = undefined;
    this.logger.log({ msg: 'a signing key signs', kid: key.kid });
  }

  private publish(rows: SigningKeyRow[]): void {
    this.loaded = rows;
    const keys = rows.map(({ publicJwk }) => publicJwk);
    const etag = `"${createHash('sha256').update(JSON.stringify(keys)).digest('base64url').slice(0, 22)}"`;
    if (etag === this.etag) return;
    this.published = { keys };
    this.validating = createLocalJWKSet(this.published);
    this.etag = etag;
    this.waiting.notify();
  }

  private privateKeyOf(row: SigningKeyRow) {
    const decrypted = this.decrypted(row);
    if (decrypted) return createPrivateKey({ key: decrypted.plaintext, type: 'pkcs8', format: 'der' });
    throw new StartupError(`KEY_ENCRYPTION_KEY is not the one that the signing key ${row.kid} was encrypted with`);
  }
}

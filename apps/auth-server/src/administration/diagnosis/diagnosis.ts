import { Inject, Injectable } from '@nestjs/common';
import type { Finding } from '@lanyard/administration';
import { CONFIGURATION, Health } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { bulk } from '../../pools.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { insecureSettings } from '../../insecure-settings.ts';
import { ReservedIdentifiers } from '../../registry/reserved-identifiers.ts';
import { SecretAges } from '../../registry/secret-ages.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';

const ok = (check: string, detail: string): Finding => ({ check, status: 'ok', detail });
const warning = (check: string, detail: string): Finding => ({ check, status: 'warning', detail });
const failure = (check: string, detail: string): Finding => ({ check, status: 'failure', detail });

/** Checks what only the server itself can see: its database, keys, settings and registry. */
@Injectable()
export class Diagnosis {
  constructor(
    @InjectDataSource(bulk) private readonly database: DataSource,
    private readonly keys: SigningKeys,
    private readonly health: Health,
    private readonly secretAges: SecretAges,
    private readonly reserved: ReservedIdentifiers,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  async findings(): Promise<Finding[]> {
    const readiness = await this.readinessFindings();
    // One after the other: a request uses one connection of its pool.
    const database = await this.databaseFindings();
    const registry = await this.registryFindings();
    return [...readiness, ...database, ...this.keyFindings(), ...this.settingFindings(), ...registry];
  }

  /** The readiness that the management listener reports; a caller from outside cannot reach that listener. */
  private async readinessFindings(): Promise<Finding[]> {
    const details = await this.health.details();
    return Object.entries(details).map(([name, { status, message }]) => ({
      check: `ready: ${name}`,
      status: status === 'up' ? 'ok' : status === 'degraded' ? 'warning' : 'failure',
      detail: String(message ?? status),
    }));
  }

  private async databaseFindings(): Promise<Finding[]> {
    const [row] = await this.database.query<
      { version: string; clock: Date; ssl: boolean | null; local: boolean; owner: boolean }[]
    >(`SELECT current_setting('server_version') AS version, clock_timestamp() AS clock,
              (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS ssl,
              inet_server_addr() IS NULL OR inet_client_addr() << '127.0.0.0/8' OR inet_client_addr() = '::1' AS local,
              pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = 'client'::regclass), 'USAGE') AS owner`);
    const { version, clock, ssl, local, owner } = row!;
    const skew = Math.abs(clock.getTime() - Date.now()) / 1000;
    return [
      ok('database', `PostgreSQL ${version}`),
      skew < 2
        ? ok('database clock', 'same as this server’s')
        : warning('database clock', `differs by ${skew.toFixed(1)} s`),
      owner
        ? warning(
            'database role',
            'DATABASE_URL may alter the schema, and rewrite the audit log: use a role that may not',
          )
        : ok('database role', 'may not alter the schema'),
      ssl || local
        ? ok('database connection', ssl ? 'TLS' : 'on this machine')
        : warning('database connection', 'not TLS'),
    ];
  }

  private keyFindings(): Finding[] {
    const keys = this.keys.all.map((row) => this.keys.describe(row));
    const signing = keys.filter(({ state }) => state === 'signing');
    const lost = keys.filter(({ key_encryption: by }) => by === 'unknown').length;
    const former = keys.filter(({ key_encryption: by }) => by === 'former').length;
    return [
      signing.length === 1
        ? ok('signing key', `one of ${keys.length} signs, until ${signing[0]!.next_at} or later`)
        : failure('signing key', `${signing.length} sign`),
      lost > 0
        ? failure('key encryption key', `${lost} signing keys cannot be decrypted`)
        : former > 0
          ? warning(
              'key encryption key',
              `${former} signing keys are encrypted with a former one: lanyard keys reencrypt`,
            )
          : ok('key encryption key', 'all signing keys are encrypted with the current one'),
    ];
  }

  private settingFindings(): Finding[] {
    const weak = insecureSettings(this.configuration);
    return weak.length > 0
      ? weak.map((detail) => warning('settings', detail))
      : [ok('settings', 'no insecure settings')];
  }

  private async registryFindings(): Promise<Finding[]> {
    const { old, expiring, withoutSecret } = await this.secretAges.check();
    const findings: Finding[] = [];
    const named = (ids: string[]) => (ids.length > 10 ? `${ids.slice(0, 10).join(', ')} and others` : ids.join(', '));
    if (expiring.length > 0) findings.push(warning('secrets', `expire soon: ${named(expiring.map(clientOf))}`));
    if (old.length > 0) findings.push(warning('secrets', `old, rotate them: ${named(old.map(clientOf))}`));
    if (withoutSecret.length > 0) findings.push(warning('secrets', `clients without one: ${named(withoutSecret)}`));
    if (findings.length === 0) findings.push(ok('secrets', 'none is old or expires soon'));
    const untyped = await this.database.query<{ identifier: string }[]>(
      `SELECT identifier FROM protected_resource WHERE access_token_typ = 'JWT' ORDER BY 1 LIMIT 11`,
    );
    const weaker = untyped.map(({ identifier }) => identifier);
    findings.push(
      weaker.length > 0
        ? warning(
            'access token type',
            `typ is JWT, so validators could accept other JWTs as access tokens: ${named(weaker)}`,
          )
        : ok('access token type', 'at+jwt for every protected resource'),
    );
    const reserved = await this.reserved.check();
    for (const detail of reserved) findings.push(warning('reserved identifiers', `without effect: ${detail}`));
    if (reserved.length === 0) findings.push(ok('reserved identifiers', 'none is registered'));
    return findings;
  }
}

const clientOf = ({ clientId, hint }: { clientId: string; hint: string }) => `${clientId} (…${hint})`;

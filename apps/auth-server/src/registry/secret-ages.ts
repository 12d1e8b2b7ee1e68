import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIGURATION, MetricsRegistry, repeat } from '@lanyard/service-defaults';
import { Gauge } from 'prom-client';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { bulk } from '../pools.ts';
import type { AuthServerConfiguration } from '../configuration.ts';

const hour = 3_600_000;

/** Only this many are named; all are counted. */
const maxNamed = 100;

interface AgedSecret {
  clientId: string;
  secretId: string;
  hint: string;
  createdAt: Date;
  expiresAt: Date | null;
}

/** Warns of secrets that are old or expire soon, in the log and by metrics: at start, and every hour. */
@Injectable()
export class SecretAges implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(SecretAges.name);
  private stop?: () => void;
  private readonly gauge: Gauge<'state'>;

  constructor(
    @InjectDataSource(bulk) private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    metrics: MetricsRegistry,
  ) {
    this.gauge = new Gauge({
      name: 'lanyard_client_secrets',
      help: 'live client secrets by state: all of them, those that expire soon without a successor, those that are old',
      labelNames: ['state'],
      registers: [metrics],
    });
  }

  onApplicationBootstrap(): void {
    const failed = (err: unknown) => this.logger.warn({ msg: 'the ages of secrets could not be checked', err });
    const warn = () => this.warn();
    void warn().catch(failed);
    this.stop = repeat(() => hour, warn, failed);
  }

  beforeApplicationShutdown(): void {
    this.stop?.();
  }

  /** Does not report a secret that expires soon if the client has another one that lasts. */
  async check() {
    const { SECRET_EXPIRY_WARNING: soon, SECRET_AGE_WARNING: age } = this.configuration;
    const [counts] = await this.database.query<{ live: string; expiring: string; old: string }[]>(
      `${aged} SELECT count(*) AS live, count(*) FILTER (WHERE expiring) AS expiring, count(*) FILTER (WHERE old) AS old
       FROM aged`,
      [soon, age],
    );
    this.gauge.set({ state: 'live' }, Number(counts!.live));
    this.gauge.set({ state: 'expiring' }, Number(counts!.expiring));
    this.gauge.set({ state: 'old' }, Number(counts!.old));
    const named = (state: 'expiring' | 'old') =>
      this.database.query<AgedSecret[]>(
        `${aged} SELECT client_id AS "clientId", id AS "secretId", hint, created_at AS "createdAt", expires_at AS "expiresAt"
         FROM aged WHERE ${state} ORDER BY client_id, created_at LIMIT ${maxNamed}`,
        [soon, age],
      );
    const clientsWithoutSecret = await this.database.query<{ client_id: string }[]>(
      `SELECT client_id FROM client c WHERE disabled_at IS NULL AND NOT EXISTS
         (SELECT 1 FROM client_secret s WHERE s.client_id = c.client_id AND (expires_at IS NULL OR expires_at > now()))
       ORDER BY client_id LIMIT ${maxNamed}`,
    );
    return {
      expiring: counts!.expiring === '0' ? [] : await named('expiring'),
      old: counts!.old === '0' ? [] : await named('old'),
      withoutSecret: clientsWithoutSecret.map(({ client_id }) => client_id),
    };
  }

  private async warn(): Promise<void> {
    const { expiring, old } = await this.check();
    for (const secret of expiring)
      this.logger.warn({ msg: 'a client secret expires soon, without a successor', ...fieldsOf(secret) });
    for (const secret of old) this.logger.warn({ msg: 'a client secret is old: rotate it', ...fieldsOf(secret) });
  }
}

const fieldsOf = ({ clientId, secretId, hint, createdAt, expiresAt }: AgedSecret) => ({
  client_id: clientId,
  secret_id: secretId,
  hint,
  created_at: createdAt,
  expires_at: expiresAt,
});

/** $1: how long before its expiry a secret counts as expiring, days; $2: the age from which it is old, days */
const aged = `
  WITH live AS (
    SELECT s.* FROM client_secret s JOIN client c USING (client_id)
    WHERE (s.expires_at IS NULL OR s.expires_at > now()) AND c.disabled_at IS NULL AND NOT s.one_time
  ), aged AS (
    SELECT live.*, live.created_at < now() - make_interval(days => $2) AS old,
      live.expires_at < now() + make_interval(days => $1) AND NOT EXISTS (
        SELECT 1 FROM live other WHERE other.client_id = live.client_id AND other.id <> live.id
          AND (other.expires_at IS NULL OR other.expires_at >= now() + make_interval(days => $1))
      ) AS expiring
    FROM live
  )`;

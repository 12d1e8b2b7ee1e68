import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { backoff } from '@lanyard/oauth-protocol';
import { CONFIGURATION, ReadTimeoutClient, repeat, withTimeout } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { emergencies } from '../pools.ts';

/** How often something passes on the connection at least, so that one that was cut is given up; ms. */
const heartbeat = 5000;

/** How often it is looked for changes where nothing is heard, besides the time that a notification may take; ms. */
const whenDeaf = 250;

/** How long a notification of its own may take to come back, ms. */
const patience = 1000;

/** Whoever hears what a channel says. */
interface Listener {
  heard: (payload: string) => void;
  /** looks for what was missed, when there is a connection again, and when none could be had */
  catchUp?: () => Promise<void>;
}

/**
 * Hears the database's NOTIFY on a connection of its own, and connects again whenever that is lost. It notifies itself now and
 * then: a pooler that shares connections takes LISTEN, and nothing is ever heard.
 */
@Injectable()
export class Notifications implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Notifications.name);
  private readonly listeners = new Map<string, Listener>();
  private readonly stopped = new AbortController();
  private connection?: ReadTimeoutClient;
  private listening = false;
  /** There is a connection, and its own notifications do not come back. */
  private deaf = false;
  private echoChannel = '';
  private echoed: () => void = () => undefined;

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    @InjectDataSource(emergencies) private readonly database: DataSource,
  ) {}

  /** Call it before the application is up. */
  listen(channel: string, listener: Listener): void {
    this.listeners.set(channel, listener);
  }

  get isListening(): boolean {
    return this.listening && !this.deaf;
  }

  onApplicationBootstrap(): void {
    void this.keepListening();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    await this.disconnect();
  }

  private async keepListening(): Promise<void> {
    let failures = 0;
    do {
      try {
        const { ended } = await this.connect();
        await this.catchUp();
        this.listening = true;
        failures = 0;
        await ended;
      } catch (error) {
        failures += 1;
        this.logger.warn({ msg: 'listening for registry changes failed', err: error });
        await this.catchUp();
      }
      [this.listening, this.deaf] = [false, false];
      await this.disconnect();
    } while (await this.waited(backoff(failures, 50, 5000, 0.5)));
  }

  /** `ended` resolves when the connection has ended. */
  private async connect(): Promise<{ ended: Promise<void> }> {
    const connection = new ReadTimeoutClient({
      connectionString: this.configuration.LISTEN_DATABASE_URL ?? this.configuration.DATABASE_URL,
      application_name: 'auth-server (listening)',
      connectionTimeoutMillis: 3000,
      keepAlive: true,
    });
    this.connection = connection;
    const ended = new Promise<void>((resolve) => {
      connection.on('end', resolve);
    });
    connection.on('notification', ({ channel, payload = '' }) => {
      if (channel === this.echoChannel) return this.echoed();
      try {
        this.listeners.get(channel)?.heard(payload);
      } catch (error) {
        this.logger.warn({ msg: 'a notification was not understood', channel, err: error });
      }
    });
    await connection.connect();
    this.echoChannel = `echo_${randomUUID().replaceAll('-', '')}`;
    for (const channel of [...this.listeners.keys(), this.echoChannel]) await connection.query(`LISTEN ${channel}`);
    // Without it, listening goes on: the next beat looks again.
    await this.requireEcho(ended).catch(() => undefined);
    const beat = async () => {
      await connection.query('SELECT');
      await this.requireEcho(ended);
      if (this.deaf) await this.catchUp();
    };
    const stopBeating = repeat(
      () => (this.deaf ? whenDeaf : heartbeat),
      beat,
      () => undefined,
    );
    return { ended: ended.finally(stopBeating) };
  }

  /** Sent on another connection, as all others are: a pooler may give back what was sent on the same one. */
  private async requireEcho(ended: Promise<void>): Promise<void> {
    const { promise: echo, resolve } = Promise.withResolvers<void>();
    this.echoed = resolve;
    await this.database.query('SELECT pg_notify($1, $2)', [this.echoChannel, '']);
    const answers = [echo.then(() => true), ended.then(() => undefined)];
    const comes = await withTimeout(Promise.race(answers), patience).catch(() => false);
    if (comes === undefined || comes === !this.deaf) return;
    this.deaf = !comes;
    if (comes) this.logger.log('notifications come back again');
    else {
      this.logger.warn(
        'notifications do not come back: changes take a second to take effect; ' +
          'set LISTEN_DATABASE_URL to the database itself where a pooler shares its connections',
      );
    }
  }

  private async catchUp(): Promise<void> {
    for (const { catchUp } of this.listeners.values()) await catchUp?.();
  }

  /** A connection that was cut without a word does not even end by itself. */
  private async disconnect(): Promise<void> {
    const connection = this.connection;
    if (connection) await withTimeout(connection.end(), 1000).catch(() => connection.connection.stream.destroy());
  }

  private waited(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.stopped.signal, ref: false }).catch(() => false);
  }
}

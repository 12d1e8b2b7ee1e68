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

/** How often a statement is sent on the connection, to detect that it was cut; ms. */
const heartbeat = 5000;

/** The pause between two readings of changes while no notifications arrive, in addition to `echoTimeout`; ms. */
const heartbeatWithoutEcho = 250;

/** How long its own notification may take to come back, ms. */
const echoTimeout = 1000;

/** Receives the notifications of a channel. */
interface Listener {
  receive: (payload: string) => void;
  /** reads what was missed, after each new connection and each failure to connect */
  catchUp?: () => Promise<void>;
}

/**
 * Receives the database's NOTIFY on a dedicated connection, and reconnects whenever that is lost. It notifies itself
 * now and then, to detect a pooler that shares connections: such a pooler accepts LISTEN, but delivers nothing.
 */
@Injectable()
export class Notifications implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Notifications.name);
  private readonly listeners = new Map<string, Listener>();
  private readonly stopped = new AbortController();
  private connection?: ReadTimeoutClient;
  private listening = false;
  /** There is a connection, but its own notifications do not come back. */
  private isEchoMissing = false;
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
    return this.listening && !this.isEchoMissing;
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
      [this.listening, this.isEchoMissing] = [false, false];
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
        this.listeners.get(channel)?.receive(payload);
      } catch (error) {
        this.logger.warn({ msg: 'a notification could not be handled', channel, err: error });
      }
    });
    await connection.connect();
    this.echoChannel = `echo_${randomUUID().replaceAll('-', '')}`;
    for (const channel of [...this.listeners.keys(), this.echoChannel]) await connection.query(`LISTEN ${channel}`);
    // Without an echo, listening continues: the next beat checks again.
    await this.checkEcho(ended).catch(() => undefined);
    const beat = async () => {
      await connection.query('SELECT');
      await this.checkEcho(ended);
      if (this.isEchoMissing) await this.catchUp();
    };
    const stopBeating = repeat(
      () => (this.isEchoMissing ? heartbeatWithoutEcho : heartbeat),
      beat,
      () => undefined,
    );
    return { ended: ended.finally(stopBeating) };
  }

  /** Sends on another connection, as real notifications are: a pooler may deliver only those of the listening one. */
  private async checkEcho(ended: Promise<void>): Promise<void> {
    const { promise: echo, resolve } = Promise.withResolvers<void>();
    this.echoed = resolve;
    await this.database.query('SELECT pg_notify($1, $2)', [this.echoChannel, '']);
    const answers = [echo.then(() => true), ended.then(() => undefined)];
    const isReceived = await withTimeout(Promise.race(answers), echoTimeout).catch(() => false);
    if (isReceived === undefined || isReceived === !this.isEchoMissing) return;
    this.isEchoMissing = !isReceived;
    if (isReceived) this.logger.log('notifications arrive again');
    else {
      this.logger.warn(
        'notifications do not arrive: changes take a second to take effect; ' +
          'set LISTEN_DATABASE_URL to the database itself if a pooler shares its connections',
      );
    }
  }

  private async catchUp(): Promise<void> {
    for (const { catchUp } of this.listeners.values()) await catchUp?.();
  }

  /** A connection that was cut silently does not close by itself. */
  private async disconnect(): Promise<void> {
    const connection = this.connection;
    if (connection) await withTimeout(connection.end(), 1000).catch(() => connection.connection.stream.destroy());
  }

  private waited(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.stopped.signal, ref: false }).catch(() => false);
  }
}

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Service, System } from '@lanyard/local-system';
import pg from 'pg';
import { repository } from '../servers.ts';

export interface Disturbance {
  name: string;
  /** @returns what was done */
  run: (round: number) => Promise<string>;
}

/** Disturbs the system in turn; no caller that retries may notice. */
export const disturbancesOf = (system: System, replicas: readonly Service[]): Disturbance[] => [
  {
    name: 'all database connections are cut',
    run: async () => {
      const superuser = new pg.Client({ connectionString: system.postgres.url });
      await superuser.connect();
      const { rowCount } = await superuser.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`,
      );
      await superuser.end();
      return `${rowCount} connections`;
    },
  },
  {
    name: 'a replica restarts',
    run: async (round) => {
      const replica = replicas[round % replicas.length]!;
      // Every second time it is killed without warning.
      const signal = Math.floor(round / replicas.length) % 2 === 0 ? 'SIGTERM' : 'SIGKILL';
      await replica.stop(signal);
      await sleep(1000);
      replica.start();
      await replica.ready();
      return `${replica.options.name}, ${signal}`;
    },
  },
  {
    name: 'the signing key rotates',
    run: async () => {
      const program = join(repository, 'apps/lanyard-cli/dist/main.js');
      const { stdout } = await promisify(execFile)(process.execPath, [program, 'keys', 'rotate'], {
        env: {
          PATH: process.env.PATH,
          NO_COLOR: '1',
          ISSUER: system.urls.issuer,
          SECRETS_DIRECTORY: system.secretsDirectory,
        },
      });
      return `${stdout.trim().split('\n').length - 1} keys`;
    },
  },
];

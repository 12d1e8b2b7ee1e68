import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  freePort,
  queryServer,
  recordOutput,
  startSystem as start,
  type System,
  type SystemOptions,
} from '@lanyard/local-system';
import { call } from '@lanyard/attacks/http';
import { temporaryDirectory } from './temporary-directory.ts';

export interface RecordedSystem extends System {
  /** the folder of its data, keys and secrets, which `stop` removes */
  directory: string;
}

/**
 * Starts a system for one test, on free ports. Records its logs, including traces, and at the end its metrics and audit
 * log.
 */
export async function startSystem({
  authServer,
  ...options
}: Pick<SystemOptions, 'environment' | 'issuer' | 'onLine'> & { authServer?: number } = {}): Promise<RecordedSystem> {
  const directory = await temporaryDirectory();
  const remove = () => rm(directory, { recursive: true, force: true });
  const system = await start({
    directory,
    ports: {
      authServer: authServer ?? (await freePort()),
      batchProcessor: await freePort(),
      jobsApi: await freePort(),
    },
    endsWithProcess: true,
    ...options,
    environment: { LOG_LEVEL: 'trace', ...options.environment },
  }).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const stop = async () => {
    for (const { options, pid } of Object.values(system.services))
      if (pid !== undefined && options.managementUrl)
        // On a new connection: those from the start may have ended while this process was blocked.
        recordMetrics(options.name, (await call(`${options.managementUrl}/metrics`)).text);
    await recordAuditLog(system.databases.auth);
    recordOutput('postgres', await readFile(join(system.postgres.directory, 'postgres.log'), 'utf8'));
    await system.stop();
    await remove();
  };
  return { ...system, directory, stop };
}

export function recordMetrics(service: string, text: string): void {
  recordOutput(`${service} metrics`, text);
}

export function recordAuditEvents(rows: Record<string, unknown>[]): void {
  recordOutput('audit log', rows.map((row) => JSON.stringify(row)).join('\n'));
}

async function recordAuditLog(database: string): Promise<void> {
  recordAuditEvents(await queryServer(database, 'lanyard_auth', 'SELECT * FROM audit_event'));
}

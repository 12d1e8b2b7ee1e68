import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  queryServer,
  recordOutput,
  startSystem as start,
  type System,
  type SystemOptions,
} from '@lanyard/local-system';
import { call } from '@lanyard/attacks/http';

/** Starts a system for one test. Records its logs, including traces, and at the end its metrics and audit log. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const system = await start({
    endsWithProcess: true,
    ...options,
    environment: { LOG_LEVEL: 'trace', ...options.environment },
  });
  const stop = async () => {
    for (const { options, pid } of Object.values(system.services))
      if (pid !== undefined && options.managementUrl)
        // On a new connection: those from the start may have ended while this process was blocked.
        recordMetrics(options.name, (await call(`${options.managementUrl}/metrics`)).text);
    await recordAuditLog(system.databases.auth);
    recordOutput('postgres', await readFile(join(system.postgres.directory, 'postgres.log'), 'utf8'));
    await system.stop();
  };
  return { ...system, stop };
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

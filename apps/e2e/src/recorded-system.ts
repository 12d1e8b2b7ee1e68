import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordOutput, startSystem as start, type System, type SystemOptions } from '@lanyard/tools/system';
import pRetry from 'p-retry';
import { queryServer } from './postgres.ts';

/** A system of a test's own. What its services tell is kept, traces included, and at the end also metrics and audit log. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const system = await start({ ...options, environment: { LOG_LEVEL: 'trace', ...options.environment } });
  const stop = async () => {
    for (const { options, pid } of Object.values(system.services))
      if (pid !== undefined && options.managementUrl)
        recordMetrics(options.name, await metricsAt(options.managementUrl));
    await recordAuditLog(system.databases.auth);
    recordOutput('postgres', await readFile(join(system.postgres.directory, 'postgres.log'), 'utf8'));
    await system.stop();
  };
  return { ...system, stop };
}

/** Again where the connection of an earlier request was closed meanwhile, which a busy process has not seen yet. */
const metricsAt = (url: string): Promise<string> =>
  pRetry(async () => (await fetch(`${url}/metrics`)).text(), { retries: 2, minTimeout: 0 });

export function recordMetrics(service: string, text: string): void {
  recordOutput(`${service} metrics`, text);
}

export function recordAuditEvents(rows: Record<string, unknown>[]): void {
  recordOutput('audit log', rows.map((row) => JSON.stringify(row)).join('\n'));
}

async function recordAuditLog(database: string): Promise<void> {
  recordAuditEvents(await queryServer(database, 'lanyard_auth', 'SELECT * FROM audit_event'));
}

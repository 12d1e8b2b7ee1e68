import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordOutput, startSystem as start, type System, type SystemOptions } from '@lanyard/tools/system';
import pg from 'pg';

/** A system of a test's own. What its services tell is kept, traces included, and at the end also metrics and audit log. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const system = await start({ ...options, environment: { LOG_LEVEL: 'trace', ...options.environment } });
  const stop = async () => {
    for (const { options, pid } of Object.values(system.services))
      if (pid !== undefined && options.url) await recordMetrics(options.name, options.url);
    await recordAuditLog(system.databases.auth);
    recordOutput('postgres', await readFile(join(system.postgres.directory, 'postgres.log'), 'utf8'));
    await system.stop();
  };
  return { ...system, stop };
}

export async function recordMetrics(service: string, url: string): Promise<void> {
  recordOutput(`${service} metrics`, await (await fetch(`${url}/metrics`)).text());
}

export function recordAuditEvents(rows: Record<string, unknown>[]): void {
  recordOutput('audit log', rows.map((row) => JSON.stringify(row)).join('\n'));
}

async function recordAuditLog(database: string): Promise<void> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    recordAuditEvents((await client.query('SELECT * FROM audit_event')).rows);
  } finally {
    await client.end();
  }
}

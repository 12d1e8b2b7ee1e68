import type { DataSource } from 'typeorm';
import { Job } from './job.entity.ts';

/**
 * Runs an UPDATE that returns whole rows.
 * @returns the jobs as entities: TypeORM returns only the raw rows and their number
 */
export async function updateJobs(database: DataSource, sql: string, parameters: unknown[]): Promise<Job[]> {
  const [rows] = await database.query<[Record<string, unknown>[], number]>(sql, parameters);
  const { columns } = database.getMetadata(Job);
  return rows.map((row) =>
    database.manager.create(
      Job,
      Object.fromEntries(columns.map(({ propertyName, databaseName }) => [propertyName, row[databaseName]])),
    ),
  );
}

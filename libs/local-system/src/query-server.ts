import pg from 'pg';

/** Queries a database of this server, on a new connection. */
export async function queryServer(server: string, database: string, sql: string): Promise<Record<string, unknown>[]> {
  const url = new URL(server);
  url.pathname = database;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

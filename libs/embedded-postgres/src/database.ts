import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface Database {
  /** for the service: may read and write rows, not alter the schema */
  url: string;
  /** for migrations: owns the schema */
  ownerUrl: string;
}

/**
 * Creates a database with two roles: its owner, and the service that uses it. If the roles exist, only resets their
 * passwords.
 * @param superuserUrl  any database of the server, as superuser
 */
export async function createDatabase(superuserUrl: string, name: string): Promise<Database> {
  const owner = `${name}_owner`;
  const service = `${name}_service`;
  const passwords = { [owner]: randomBytes(24).toString('hex'), [service]: randomBytes(24).toString('hex') };
  await withClient(superuserUrl, async (client) => {
    const exists = async (table: 'pg_roles' | 'pg_database', column: string, value: string) =>
      (await client.query(`SELECT 1 FROM ${table} WHERE ${column} = $1`, [value])).rowCount === 1;
    for (const [role, password] of Object.entries(passwords)) {
      const verb = (await exists('pg_roles', 'rolname', role)) ? 'ALTER' : 'CREATE';
      await client.query(`${verb} ROLE "${role}" LOGIN PASSWORD ${client.escapeLiteral(password)}`);
    }
    if (!(await exists('pg_database', 'datname', name)))
      await client.query(`CREATE DATABASE "${name}" OWNER "${owner}"`);
  });
  const urlAs = (role: string) => {
    const url = new URL(superuserUrl);
    url.pathname = name;
    url.username = role;
    url.password = passwords[role] ?? '';
    return url.href;
  };
  await withClient(urlAs(owner), async (client) => {
    await client.query(
      `REVOKE ALL ON DATABASE "${name}" FROM PUBLIC; GRANT CONNECT ON DATABASE "${name}" TO "${service}"`,
    );
    await client.query(`GRANT USAGE ON SCHEMA public TO "${service}"`);
    await client.query(`ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "${service}"`);
    await client.query(`ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO "${service}"`);
  });
  return { url: urlAs(service), ownerUrl: urlAs(owner) };
}

async function withClient(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

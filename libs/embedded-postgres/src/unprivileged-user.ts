import { readFile } from 'node:fs/promises';

export interface UnprivilegedUser {
  uid: number;
  gid: number;
}

/** Postgres refuses to run as root. Returns undefined for other users. */
export async function unprivilegedUser(): Promise<UnprivilegedUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const account = ['postgres', 'nobody'].map((name) => accounts.find(([found]) => found === name)).find(Boolean);
  if (!account) throw new Error('Postgres cannot run as root, and there is no user `postgres` or `nobody`');
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

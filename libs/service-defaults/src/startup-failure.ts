import { StartupError } from './configuration/startup-error.ts';

/** The lines that tell whoever starts a service why it does not start. Unknown errors keep their stack. */
export function explain(error: unknown): string[] {
  if (error instanceof StartupError) return error.message.split('\n');
  const { code, port, address, hostname, isManagement, message, stack } = firstOf(error) as NodeJS.ErrnoException & {
    port?: number;
    address?: string;
    hostname?: string;
    isManagement?: boolean;
  };
  const setting = (name: string) => (isManagement ? `MANAGEMENT_${name}` : name);
  switch (code) {
    case 'EADDRINUSE':
      return [`port ${port} is taken: end what uses it, or set ${setting('PORT')}`];
    case 'EACCES':
      if (port === undefined) return [message];
      return [`port ${port} may not be used by this user: set ${setting('PORT')} to 1024 or above`];
    case 'EADDRNOTAVAIL':
      return [`${address} is no address of this machine: set ${setting('HOST')}`];
    case 'ECONNREFUSED':
      return [`the database does not answer at ${address}:${port}: is it running, and is DATABASE_URL right?`];
    case 'ENOTFOUND':
      return [`the database's host ${hostname} is unknown: is DATABASE_URL right?`];
    case '28P01':
    case '28000':
      return ['the database refuses the user or password of DATABASE_URL'];
    case '3D000':
      return [`the database of DATABASE_URL does not exist`];
    case '57P01':
    case '57P02':
    case '57P03':
      return [`the database ended the connection: is it restarting? (${message})`];
    case '42P01':
      return [`the database has no schema yet: run the migration first (${message})`];
    case undefined:
    default:
      return [stack ?? String(error)];
  }
}

/** A host with several addresses fails with an error for each. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? error.errors[0] : error;
}

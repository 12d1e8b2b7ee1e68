import { StartupError } from './configuration/startup-error.ts';
import { firstOf } from './database/may-pass.ts';

/**
 * The lines that tell the operator why a service does not start. Unknown errors keep their stack.
 * @param database  the variable with the URL of the database
 */
export function explain(error: unknown, database = 'DATABASE_URL'): string[] {
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
      return [`port ${port} is already in use: stop the program that uses it, or set ${setting('PORT')}`];
    case 'EACCES':
      if (port === undefined) return [message];
      return [`port ${port} may not be used by this user: set ${setting('PORT')} to 1024 or above`];
    case 'EADDRNOTAVAIL':
      return [`${address} is not an address of this machine: set ${setting('HOST')}`];
    case 'ECONNREFUSED':
      return [`the database does not answer at ${address}:${port}: is it running, and is ${database} right?`];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [`the database's host ${hostname} is unknown: is ${database} right?`];
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return [`the database cannot be reached (${code}): is ${database} right?`];
    case '28P01':
    case '28000':
      return [`the database refuses the user or password of ${database} (${message})`];
    case '3D000':
      return [`the database of ${database} does not exist`];
    case '57P01':
    case '57P02':
    case '57P03':
      return [`the database ended the connection: is it restarting? (${message})`];
    case '08P01':
      if (!message.includes('startup parameter'))
        return [`the pooler of ${database} refuses the connection: ${message}`];
      return [
        `the pooler of ${database} refuses a setting of the connection (${message}): ` +
          'let it ignore statement_timeout and idle_in_transaction_session_timeout (docs/operations.md, "Poolers")',
      ];
    case '42P01':
      if (database === 'MIGRATION_DATABASE_URL') return [`the schema is not what the migration expects: ${message}`];
      return [`the database has no schema yet: run the migration first (${message})`];
    case '42501':
    case '3F000':
      return [`the role of ${database} lacks a privilege, or a schema in its search_path: ${message}`];
    case '53300':
    case '53400':
      return [`the database of ${database} accepts no more connections: ${message}`];
    case 'ECONNRESET':
    case 'EPIPE':
      return [`the connection to the database of ${database} was lost: ${message}`];
    case undefined:
    default:
      break;
  }
  if (/connection timeout|Connection terminated|timeout exceeded/i.test(message)) {
    return [`the database of ${database} does not answer: ${message}`];
  }
  if (isTlsFailure(code, message)) return [`the TLS connection to the database of ${database} failed: ${message}`];
  return [stack ?? String(error)];
}

/** Codes of OpenSSL and Node for an untrusted certificate, and pg's message about a server without TLS. */
const isTlsFailure = (code = '', message = '') =>
  /CERT|ERR_TLS|ERR_SSL|UNABLE_TO_/.test(code) || message.includes('does not support SSL connections');

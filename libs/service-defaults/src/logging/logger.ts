import type { LoggerService, LogLevel } from '@nestjs/common';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { textOf, type LineFields } from './sentences.ts';

/** The values of fields with these names, at the top of a log line or one level below, are not logged. */
export const secretFields = [
  'authorization',
  'access_token',
  'accessToken',
  'client_secret',
  'clientSecret',
  'client_assertion',
  'password',
  'secret',
  'token',
  'privateKey',
];

const censor = '[redacted]';

/** How much is kept while lines cannot be written, bytes; further lines are lost. */
const maxUnwritten = 4 * 1024 * 1024;

/** Writes JSON lines to standard output. Redaction is the last resort: code must not log secrets in the first place. */
export function createLogger(
  service: string,
  level: string,
  destination: DestinationStream = standardOutput(),
): PinoLogger {
  return pino(
    {
      level,
      base: { service },
      timestamp: isoTime,
      serializers: { err: errorFields },
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor },
    },
    destination,
  );
}

/** Writes lines for people to standard output. */
export function textOutput(service: string): DestinationStream {
  const output = standardOutput();
  return { write: (line: string) => output.write(textOf(service, JSON.parse(line) as LineFields)) };
}

/** For lines whose fields are not objects: checking inside each field costs more than the rest of a line. */
export function forFlatLines(logger: PinoLogger): PinoLogger {
  return logger.child({}, { redact: { paths: secretFields, censor } });
}

/**
 * Writes the lines of one turn of the event loop together, at its end. It writes synchronously, so that nothing is lost
 * when the process exits by itself, at most one turn when it is killed, and a closed pipe cannot keep it from exiting.
 * Lines that cannot be written, for example to a full disk, are retried with the next ones, and the process continues.
 */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: maxUnwritten });
  output.on('error', () => undefined);
  let lines = '';
  const flushSync = () => {
    const all = lines;
    lines = '';
    if (all !== '') output.write(all);
  };
  process.once('exit', flushSync);
  return {
    write(line: string) {
      if (lines === '') setImmediate(flushSync);
      lines += line;
    },
    flushSync,
  } as DestinationStream;
}

/** The time of a line, computed once a millisecond. */
const isoTime = (() => {
  let [last, text] = [Number.NaN, ''];
  return () => {
    const now = Date.now();
    if (now !== last) [last, text] = [now, `,"time":"${new Date(now).toISOString()}"`];
    return text;
  };
})();

/** Omits all other fields of an error: those of TypeORM hold the parameters of the statement, even whole files. */
function errorFields(error: Error): object {
  const { type, message, stack } = pino.stdSerializers.err(error);
  return { type, message, stack, code: (error as NodeJS.ErrnoException).code };
}

/** Lets Nest, and Nest's `Logger` in our code, write to pino: `logger.log({ msg: '…', field: … })`. */
export class NestLogger implements LoggerService {
  constructor(private readonly pino: PinoLogger) {}

  log = (message: unknown, ...rest: unknown[]) => this.write('info', message, rest);
  error = (message: unknown, ...rest: unknown[]) => this.write('error', message, rest);
  warn = (message: unknown, ...rest: unknown[]) => this.write('warn', message, rest);
  debug = (message: unknown, ...rest: unknown[]) => this.write('debug', message, rest);
  verbose = (message: unknown, ...rest: unknown[]) => this.write('trace', message, rest);
  fatal = (message: unknown, ...rest: unknown[]) => this.write('fatal', message, rest);
  setLogLevels(_levels: LogLevel[]): void {}

  /** Nest passes a stack, if any, and the context as the last parameters. */
  private write(level: 'info' | 'error' | 'warn' | 'debug' | 'trace' | 'fatal', message: unknown, rest: unknown[]) {
    const context = rest.at(-1);
    const stack = rest.length > 1 && typeof rest[0] === 'string' ? rest[0] : undefined;
    // Nest's own messages about the start are useful only to developers.
    const effective = level === 'info' && frameworkContexts.has(String(context)) ? 'debug' : level;
    if (message instanceof Error) this.pino[effective]({ context, err: message });
    else if (typeof message === 'object' && message !== null) this.pino[effective]({ context, ...message });
    else this.pino[effective]({ context, stack }, String(message));
  }
}

const frameworkContexts = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

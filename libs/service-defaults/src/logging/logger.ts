import type { LoggerService, LogLevel } from '@nestjs/common';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { textOf, type LineFields } from './sentences.ts';

/** Whatever carries one of these names, at the top of a log line or one level below, is not logged. */
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

/** Bytes that are held while lines cannot be written; the lines beyond are lost. */
const unwrittenAtMost = 4 * 1024 * 1024;

/** JSON lines on standard output, with a redaction of last resort: code does not log secrets in the first place. */
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

/** Lines for people, on standard output. */
export function textOutput(service: string): DestinationStream {
  const output = standardOutput();
  return { write: (line: string) => output.write(textOf(service, JSON.parse(line) as LineFields)) };
}

/** For lines whose fields are no objects: looking into each field costs more than all else of a line. */
export function forFlatLines(logger: PinoLogger): PinoLogger {
  return logger.child({}, { redact: { paths: secretFields, censor } });
}

/**
 * The lines of one turn of the event loop are written together, at its end. Synchronously: nothing is lost when the
 * process ends by itself, nor more than a turn when it is killed; and a reader that is gone cannot keep it from ending.
 * Lines that cannot be written, such as to a full disk, are tried again with the next ones, and the process goes on.
 */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: unwrittenAtMost });
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

/** The time of a line, worked out once a millisecond. */
const isoTime = (() => {
  let [last, text] = [Number.NaN, ''];
  return () => {
    const now = Date.now();
    if (now !== last) [last, text] = [now, `,"time":"${new Date(now).toISOString()}"`];
    return text;
  };
})();

/** Never an error's other fields: TypeORM's carry the parameters of the statement, whole files among them. */
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
    // What Nest tells of its own start is of use to its developers alone.
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

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { recordOutput } from './record.ts';

/** A line that a service printed: its fields where it is a log line. */
export interface Line {
  service: string;
  text: string;
  fields?: Record<string, unknown>;
}

export interface ServiceOptions {
  name: string;
  /** arguments of node */
  command: string[];
  environment: NodeJS.ProcessEnv;
  directory: string;
  /** where it answers; undefined for a program that ends by itself */
  url?: string;
  /** where it answers health and metrics */
  managementUrl?: string;
  onLine?: (line: Line) => void;
  /** the file descriptor that takes what it prints to standard output; then `onLine` hears of errors alone */
  output?: number;
}

const isWindows = process.platform === 'win32';

/** One process of the system. */
export class Service {
  readonly options: ServiceOptions;
  private process: ChildProcess | undefined;
  private lastWords: string[] = [];
  /** The end that was not asked for. */
  onUnexpectedEnd: ((reason: string) => void) | undefined;
  private stopping = false;

  constructor(options: ServiceOptions) {
    this.options = options;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  start(): void {
    const { name, command, environment, directory, onLine, output } = this.options;
    this.stopping = false;
    // A group of its own, so that Ctrl-C reaches the launcher alone, which stops its services in the right order. The
    // channel lets them notice when the launcher is gone.
    const child = spawn(process.execPath, command, {
      cwd: directory,
      env: { PATH: process.env.PATH, ...environment },
      // On Windows, that would be a window of its own.
      detached: !isWindows,
      stdio: ['ignore', output ?? 'pipe', 'pipe', 'ipc'],
    });
    this.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (text) => {
        const fields = fieldsOf(text);
        this.lastWords = [...this.lastWords.slice(-9), fields ? wordsOf(fields) : text].filter(Boolean);
        recordOutput(name, text);
        onLine?.({ service: name, text, fields });
      });
    }
    child.once('exit', (code, signal) => {
      if (this.process === child) this.process = undefined;
      if (!this.stopping) this.onUnexpectedEnd?.(`${name} ended (${signal ?? code}):\n${this.lastWords.join('\n')}`);
    });
  }

  /** Waits for a program that ends by itself. */
  async finished(): Promise<void> {
    const child = this.process;
    if (!child) return;
    this.stopping = true;
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw new Error(this.lastWords.join('\n') || `${this.options.name} ended (${signal ?? code})`);
  }

  /** Waits until it can serve requests. */
  async ready(seconds = 30): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
      if (!this.process) throw new Error(this.lastWords.join('\n'));
      const response = await fetch(`${this.options.managementUrl}/health/ready`).catch(() => undefined);
      if (response?.ok) return;
      await sleep(50);
    }
    throw new Error(`${this.options.name} was not ready within ${seconds} s:\n${this.lastWords.join('\n')}`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.process;
    if (!child) return;
    this.stopping = true;
    const ended = once(child, 'exit');
    // Windows knows no signals, and would end it at once: it stops when the channel closes, as where the launcher is gone.
    if (isWindows && signal === 'SIGTERM' && child.connected) child.disconnect();
    else child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(late);
  }
}

/** What a log line says to people, if something is wrong. */
function wordsOf({ level, msg, err }: Record<string, unknown>): string {
  if (!['warn', 'error', 'fatal'].includes(String(level))) return '';
  const { message } = (err ?? {}) as { message?: string };
  return message ? `${String(msg)}: ${message}` : String(msg);
}

function fieldsOf(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

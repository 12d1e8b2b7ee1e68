import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { recordOutput } from './record.ts';

/** A line that a service printed, with its fields if it is a JSON log line. */
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
  /** the address of the service; undefined for a program that ends by itself */
  url?: string;
  /** the address of its health and metrics */
  managementUrl?: string;
  onLine?: (line: Line) => void;
  /** the file descriptor for its standard output; then `onLine` gets only standard error */
  output?: number;
}

const isWindows = process.platform === 'win32';

/** One process of the system. */
export class Service {
  readonly options: ServiceOptions;
  private process: ChildProcess | undefined;
  private lastLines: string[] = [];
  /** Called when the process ends without `stop`. */
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
    // In its own process group: Ctrl-C then reaches only the launcher, which stops its services in the right order.
    // The IPC channel lets them notice when the launcher has exited.
    const child = spawn(process.execPath, command, {
      cwd: directory,
      env: { PATH: process.env.PATH, ...environment },
      // On Windows, a process of its own group would open a window.
      detached: !isWindows,
      stdio: ['ignore', output ?? 'pipe', 'pipe', 'ipc'],
    });
    this.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (text) => {
        const fields = fieldsOf(text);
        this.lastLines = [...this.lastLines.slice(-9), fields ? messageOf(fields) : text].filter(Boolean);
        recordOutput(name, text);
        onLine?.({ service: name, text, fields });
      });
    }
    child.once('exit', (code, signal) => {
      if (this.process === child) this.process = undefined;
      if (!this.stopping) this.onUnexpectedEnd?.(`${name} ended (${signal ?? code}):\n${this.lastLines.join('\n')}`);
    });
  }

  /** Waits for a program that ends by itself. */
  async finished(): Promise<void> {
    const child = this.process;
    if (!child) return;
    this.stopping = true;
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw new Error(this.lastLines.join('\n') || `${this.options.name} ended (${signal ?? code})`);
  }

  /** Waits until it can serve requests. */
  async ready(seconds = 30): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
      if (!this.process) throw new Error(this.lastLines.join('\n'));
      const response = await fetch(`${this.options.managementUrl}/health/ready`).catch(() => undefined);
      if (response?.ok) return;
      await sleep(50);
    }
    throw new Error(`${this.options.name} was not ready within ${seconds} s:\n${this.lastLines.join('\n')}`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.process;
    if (!child) return;
    this.stopping = true;
    const ended = once(child, 'exit');
    // Windows has no signals and would kill it at once: it stops when the channel closes, as when the launcher has
    // exited.
    if (isWindows && signal === 'SIGTERM' && child.connected) child.disconnect();
    else child.kill(signal);
    const killTimer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(killTimer);
  }
}

/** The message of a log line that reports a fault; otherwise empty. */
function messageOf({ level, msg, err }: Record<string, unknown>): string {
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

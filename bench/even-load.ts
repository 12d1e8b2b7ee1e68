import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Requests, Subject } from './load.ts';
import { cores, pin } from './machine.ts';

/**
 * Requests at a constant rate, sent without waiting for earlier answers, as many independent clients would send them.
 */
export interface Stream {
  request: Requests[number];
  perSecond: number;
  /** a status that is allowed besides 200 */
  refusal?: number;
}

export interface Answers {
  /** the time from when each request was due until its answer arrived, ms */
  latencies: number[];
  /** how many answers of each status */
  statuses: Record<number, number>;
}

/** The first requests do not count, so that connections are open; seconds. */
const leadIn = 0.5;

/** How many requests are in progress at most. A backlog waits here, since each connection also costs the server. */
const connections = 32;

/**
 * Sends several streams at once. The server may use all cores, and the load leaves most of one free: otherwise V8's
 * background work, and other processes of the machine, would delay the answers.
 * @throws if an answer is neither a success nor the allowed refusal of its stream
 */
export async function sendEvenly(
  { url, pid, name }: Subject,
  streams: readonly Stream[],
  seconds: number,
): Promise<Answers[]> {
  pin(pid, cores.measured, cores.others);
  const senders = streams.map((stream) => new Sender(url, stream, stream.perSecond * (leadIn + seconds)));
  try {
    const begun = performance.now();
    while (senders.some((sender) => !sender.isDone())) {
      const now = performance.now();
      for (const sender of senders) sender.send(begun, now);
      nap();
      await turn();
    }
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const sender of senders) sender.end();
  }
  return senders.map(({ latencies, statuses }, stream) => ({
    latencies: latencies.slice(streams[stream]!.perSecond * leadIn),
    statuses,
  }));
}

/** Sleeps for a moment; only time ends it: waking the load would be work for the server. */
const nap = (): void => void Atomics.wait(asleep, 0, 0, 0.1);
const asleep = new Int32Array(new SharedArrayBuffer(4));

interface Connection {
  socket: Socket;
  /** when the current request was due */
  due: number;
}

/** Sends prepared bytes: a full HTTP client would be as busy as the server. */
class Sender {
  readonly latencies: number[] = [];
  readonly statuses: Record<number, number> = {};
  private readonly bytes: string;
  private readonly connections: readonly Connection[];
  private readonly idle: Connection[];
  private sent = 0;
  private failure: Error | undefined;

  constructor(
    url: string,
    private readonly stream: Stream,
    private readonly amount: number,
  ) {
    const address = new URL(url);
    this.connections = Array.from({ length: connections }, () => this.connection(address));
    this.idle = [...this.connections];
    this.bytes = bytesOf(stream.request, address);
  }

  /** @throws if a request failed */
  isDone(): boolean {
    if (this.failure) throw this.failure;
    return this.latencies.length >= this.amount;
  }

  /** Sends the requests that are due. */
  send(begun: number, now: number): void {
    for (; this.sent < this.amount; this.sent++) {
      const due = begun + (this.sent / this.stream.perSecond) * 1000;
      const connection = due <= now && this.idle.shift();
      if (!connection) return;
      connection.due = due;
      connection.socket.write(this.bytes);
    }
  }

  end(): void {
    for (const { socket } of this.connections) socket.destroy();
  }

  private connection({ hostname, port }: URL): Connection {
    const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding('latin1');
    const connection = { socket, due: 0 };
    let text = '';
    socket
      .on('data', (more) => {
        text += String(more);
        if (text.length < lengthOf(text)) return;
        this.answered(Number(text.slice('HTTP/1.1 '.length, 12)), connection);
        text = '';
      })
      .on('error', (error) => (this.failure ??= error))
      .on('end', () => (this.failure ??= new Error('it closed a connection')));
    return connection;
  }

  private answered(status: number, connection: Connection): void {
    this.latencies.push(performance.now() - connection.due);
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    this.idle.push(connection);
    if (status !== 200 && status !== this.stream.refusal) this.failure ??= new Error(`it answered ${status}`);
  }
}

function bytesOf({ method, path, headers, body = '' }: Requests[number], { host }: URL): string {
  const fields = Object.entries({ host, ...headers, 'content-length': String(body.length) });
  return `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${String(value)}\r\n`).join('')}\r\n${String(body)}`;
}

/** The length of the whole answer that begins with this text; infinite while it is unknown. */
function lengthOf(text: string): number {
  const body = text.indexOf('\r\n\r\n') + 4;
  const [, length] = /\ncontent-length: (\d+)/i.exec(text) ?? [];
  return body > 3 && length ? body + Number(length) : Number.POSITIVE_INFINITY;
}

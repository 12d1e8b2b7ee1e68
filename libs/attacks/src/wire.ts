import type { Socket } from 'node:net';
import { connectTo } from './http.ts';

/** A connection that is reused until the server closes it. */
export class Wire {
  private socket: Socket | undefined;
  /** the data received since the last request */
  received = '';
  private wake: (() => void) | undefined;

  /** @param timeout  how long to wait for an answer, ms */
  constructor(
    private readonly url: string,
    private readonly timeout: number,
  ) {}

  /** @returns the status of the answer; `closed` or `silent` if there is none */
  async send(bytes: Buffer): Promise<number | 'closed' | 'silent'> {
    const socket = this.socket ?? (await this.open());
    this.received = '';
    socket.write(bytes);
    const deadline = performance.now() + this.timeout;
    for (;;) {
      const status = statusOfComplete(this.received, bytes);
      if (status !== undefined) {
        if (/^connection: close\r$/im.test(this.received)) this.close();
        return status;
      }
      if (socket.destroyed) {
        this.socket = undefined;
        return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1]) || 'closed';
      }
      const left = deadline - performance.now();
      if (left <= 0) {
        this.close();
        return 'silent';
      }
      await this.waitForData(left);
    }
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private async open(): Promise<Socket> {
    const socket = connectTo(this.url).setNoDelay(true).setEncoding('latin1');
    socket.on('data', (chunk) => {
      this.received += String(chunk);
      this.wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.wake?.());
    this.socket = socket;
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return socket;
  }

  private async waitForData(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }
}

/** The status of the answer, if it is complete. */
function statusOfComplete(answer: string, request: Buffer): number | undefined {
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = answer.slice(0, end);
  const status = Number(head.slice(9, 12));
  if (status === 100) return statusOfComplete(answer.slice(end + 4), request);
  const length = answer.length - end - 4;
  if (status === 204 || status === 304 || request.subarray(0, 5).toString() === 'HEAD ') return status;
  const announced = /^content-length: (\d+)\r?$/im.exec(head)?.[1];
  if (announced !== undefined) return length >= Number(announced) ? status : undefined;
  if (/^transfer-encoding: chunked\r?$/im.test(head)) return answer.endsWith('0\r\n\r\n') ? status : undefined;
  return undefined;
}

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { NotStopped } from './attack.ts';
import { basic, connectTo } from './http.ts';

/** One connection, on which guesses go one after the other; fetch and its like add more noise than there is to find. */
class Connection {
  private readonly socket: Socket;
  private answered: ((answer: string) => void) | undefined;
  private answer = '';

  constructor(private readonly url: URL) {
    this.socket = connectTo(url.href).setNoDelay(true).setEncoding('latin1');
    this.socket.on('data', (chunk) => {
      this.answer += String(chunk);
      const { groups } = /^content-length: (?<length>\d+)\r\n[^]*?\r\n\r\n(?<body>[^]*)$/im.exec(this.answer) ?? {};
      if (groups && groups.body!.length >= Number(groups.length)) this.answered?.(this.answer);
    });
    this.socket.on('error', () => undefined).on('close', () => this.answered?.(''));
  }

  /** @returns how long a guess took to be refused, µs; undefined where it was throttled */
  async guess(clientId: string, secret: string): Promise<number | undefined> {
    const body = 'grant_type=client_credentials';
    const request =
      `POST ${this.url.pathname} HTTP/1.1\r\nhost: ${this.url.host}\r\nauthorization: ${basic(clientId, secret)}\r\n` +
      `content-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    this.answer = '';
    const begun = process.hrtime.bigint();
    const answer = await new Promise<string>((resolve) => {
      this.answered = resolve;
      this.socket.write(request);
    });
    const took = Number(process.hrtime.bigint() - begun) / 1000;
    const status = answer.slice(9, 12);
    if (status === '429') return undefined;
    if (status !== '401') throw new NotStopped(`a guess was answered with ${answer.slice(0, 200)}`);
    return took;
  }

  end(): void {
    this.socket.destroy();
  }
}

/**
 * Guesses at a client that there is, and at one of as long a name that there is not, in random order.
 * @returns durations of each kind, µs; fewer than asked for where guesses are throttled
 */
export async function timeGuesses(tokenEndpoint: string, known: string, samples: number) {
  const connection = new Connection(new URL(tokenEndpoint));
  const durations = { known: [] as number[], unknown: [] as number[] };
  const secret = () => `lanyard_cs_${randomBytes(37).toString('base64url')}`.slice(0, 60);
  const stranger = `x${randomBytes(known.length).toString('hex')}`.slice(0, known.length);
  try {
    for (let i = -200; i < 2 * samples; i++) {
      const kind = Math.random() < 0.5 ? 'known' : 'unknown';
      const took = await connection.guess(kind === 'known' ? known : stranger, secret());
      if (took === undefined) break;
      // The first ones warm up.
      if (i >= 0) durations[kind].push(took);
    }
  } finally {
    connection.end();
  }
  return durations;
}

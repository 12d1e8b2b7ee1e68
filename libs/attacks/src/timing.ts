import { randomBytes } from 'node:crypto';
import { assert } from './not-stopped.ts';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { Wire } from './wire.ts';

/**
 * Guesses at a client that exists, and at an unknown one of the same length, in random order.
 * @returns the durations of each kind, µs; fewer than requested if guesses are throttled
 */
export async function timeGuesses(tokenEndpoint: string, known: string, samples: number) {
  // Sends guesses one after the other on one connection; fetch adds more noise than the difference to detect.
  const wire = new Wire(tokenEndpoint, 10_000);
  const durations = { known: [] as number[], unknown: [] as number[] };
  const secret = () => `lanyard_cs_${randomBytes(37).toString('base64url')}`.slice(0, 60);
  const stranger = `x${randomBytes(known.length).toString('hex')}`.slice(0, known.length);
  try {
    for (let i = -200; i < 2 * samples; i++) {
      const kind = Math.random() < 0.5 ? 'known' : 'unknown';
      const request = guess(new URL(tokenEndpoint), kind === 'known' ? known : stranger, secret());
      const begun = process.hrtime.bigint();
      const status = await wire.send(request);
      const took = Number(process.hrtime.bigint() - begun) / 1000;
      if (status === 429) break;
      assert(status === 401, `a guess was answered with ${status}: ${wire.received.slice(0, 200)}`);
      // The first guesses are a warm-up.
      if (i >= 0) durations[kind].push(took);
    }
  } finally {
    wire.close();
  }
  return durations;
}

function guess({ host, pathname }: URL, clientId: string, secret: string): Buffer {
  const body = 'grant_type=client_credentials';
  return Buffer.from(
    `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: ${basicCredentials(clientId, secret)}\r\n` +
      `content-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { connect as overTcp, type Socket } from 'node:net';
import { connect as overTls } from 'node:tls';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { recordOutput } from '@lanyard/local-system';
import { assert } from './not-stopped.ts';

type Headers = Record<string, string | string[]>;

export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  body: Record<string, unknown>;
}

export interface Request {
  method?: string;
  /** an array sends a header several times */
  headers?: Headers;
  body?: string | Buffer;
  /** the source address on this machine */
  localAddress?: string;
}

/**
 * Sends a request as it is (fetch would correct it), on a connection of its own: one with an early answer, which some
 * of these requests get, cannot be reused. No answer may be a 5xx.
 */
export async function call(
  url: string,
  { method = 'GET', headers = {}, body, localAddress }: Request = {},
): Promise<Answer> {
  const answer = await new Promise<Answer>((resolve, reject) => {
    const { hostname, port, pathname, protocol } = new URL(url);
    const send = protocol === 'https:' ? overHttps : overHttp;
    // Takes the path as written: `URL` would normalize it.
    const path = url.slice(new URL(url).origin.length) || pathname;
    const options = { hostname, port, path, method, headers, localAddress, timeout: 60_000, agent: false };
    const request = send(options, async (response) => {
      const content = await text(response).catch(() => '');
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers as Record<string, string>,
        text: content,
        body: bodyOf(content),
      });
    });
    request.on('timeout', () => request.destroy(new Error(`${method} ${pathname}: no answer within a minute`)));
    request.on('error', reject);
    request.end(body);
  });
  if (answer.status >= 400) {
    recordOutput('refusal', JSON.stringify([answer.status, Object.entries(answer.headers), answer.text]));
  }
  assert(answer.status < 500, `${method} ${new URL(url).pathname} answered ${answer.status}`);
  return answer;
}

function bodyOf(content: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(content);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export const form = (parameters: Record<string, string> | string, headers: Headers = {}): Request => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  body: typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString(),
});

export const bearer = (token: string): Request => ({ headers: { authorization: `Bearer ${token}` } });

/** Opens a new connection. */
export function connectTo(url: string): Socket {
  const { hostname, port, protocol } = new URL(url);
  return protocol === 'https:'
    ? overTls({ host: hostname, port: Number(port) || 443, servername: hostname })
    : overTcp(Number(port) || 80, hostname);
}

/** Sends bytes on a new connection, and reads until the server closes it or is silent for a while. */
export async function sendBytes(url: string, bytes: string | Buffer, silence = 3000): Promise<string> {
  const socket = connectTo(url);
  socket.setTimeout(silence, () => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(bytes);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  const answer = Buffer.concat(chunks).toString('latin1');
  for (const status of statusesIn(answer)) assert(status < 500, `a connection was answered with ${status}`);
  return answer;
}

export const statusesIn = (answer: string): number[] =>
  [...answer.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));

/** Checks that a service still answers. */
export async function assertHealthy(url: string): Promise<void> {
  for (let attempts = 0; ; attempts++) {
    const status = await call(`${url}/nothing`).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 404) return;
    assert(attempts < 5, `${url} does not answer any more`);
    await sleep(200);
  }
}

/** How often each status was answered: `12 × 401`. */
export function counted(statuses: Iterable<number | string>): string {
  const counts = new Map<number | string, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} × ${status}`).join(', ');
}

/** A connection on which these bytes were sent; it is closed if the server refuses it. */
export async function hold(url: string, bytes: string): Promise<Socket> {
  const socket = connectTo(url);
  socket.on('error', () => undefined).resume();
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  if (bytes) socket.write(bytes);
  return socket;
}

export const countOpen = (held: Socket[]): number => held.filter(({ readyState }) => readyState === 'open').length;

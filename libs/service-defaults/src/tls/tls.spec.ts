import { mkdtempSync, writeFileSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { generate } from 'selfsigned';
import { Management, serviceConfiguration } from '../index.ts';
import { createService } from '../service.ts';

const directory = mkdtempSync(join(tmpdir(), 'lanyard-tls-'));
const files = {
  TLS_CERTIFICATE_FILE: join(directory, 'tls.crt'),
  TLS_PRIVATE_KEY_FILE: join(directory, 'tls.key'),
};
type Pair = Awaited<ReturnType<typeof generate>>;
let first: Pair;
let second: Pair;
beforeAll(async () => {
  const make = (value: string) => generate([{ name: 'commonName', value }], { keyType: 'ec' });
  [first, second] = [await make('first.example'), await make('second.example')];
});

let app: NestFastifyApplication;
let logs: string;
afterEach(() => app?.close());

function put({ cert, private: key }: Pick<Pair, 'cert' | 'private'>): void {
  writeFileSync(files.TLS_CERTIFICATE_FILE, cert);
  writeFileSync(files.TLS_PRIVATE_KEY_FILE, key);
}

async function start(): Promise<void> {
  logs = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logs += String(chunk);
      done();
    },
  });
  const service = { name: 'test', configuration: serviceConfiguration, module: () => ({ module: class {} }) };
  ({ app } = await createService(service, { PORT: '0', ...files }, destination));
  await app.listen(0, '127.0.0.1');
}

async function ask(path: string, options: RequestOptions = {}) {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const trust = { ca: [first.cert, second.cert], checkServerIdentity: () => undefined };
    get({ port, path, agent: false, ...trust, ...options }, resolve).on('error', reject);
  });
  const { fingerprint256 } = (response.socket as TLSSocket).getPeerX509Certificate()!;
  return { response, fingerprint: fingerprint256, body: await text(response) };
}

const openConnections = () =>
  new Promise<number>((resolve) => app.getHttpServer().getConnections((_error, count) => resolve(count)));

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(100);
}

describe('a service with a certificate', () => {
  it('speaks https, and tells browsers to stay with it [security-headers, Lanyard]', async () => {
    put(first);
    await start();
    const { response, body } = await ask('/nothing');
    expect([response.statusCode, body]).toEqual([404, expect.stringContaining('there is nothing here')]);
    expect(response.headers['strict-transport-security']).toBe('max-age=31536000');
    await expect(ask('/nothing', { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow(/protocol/);
  });

  it('takes a new certificate without a restart, and nothing that it cannot use [tls-reload, Lanyard]', async () => {
    put(first);
    await start();
    const { fingerprint } = await ask('/nothing');
    // As a renewal that is half written.
    put({ cert: second.cert, private: first.private });
    await until(async () => logs.includes('is not the private key of TLS_CERTIFICATE_FILE'));
    expect((await ask('/nothing')).fingerprint).toBe(fingerprint);
    put(second);
    await until(async () => (await ask('/nothing')).fingerprint !== fingerprint);
    expect(logs).toContain('a new TLS certificate is in use');
    expect(logs).not.toContain('PRIVATE KEY-----');
    expect((await app.get(Management).inject('/metrics')).body).toMatch(
      /lanyard_tls_certificate_expiry_timestamp_seconds\{.*\} 1\d{9}/,
    );
  }, 30_000);

  it('closes connections on which nobody speaks TLS, and has the limits of time that plain ones have', async () => {
    put(first);
    await start();
    const server = app.getHttpServer() as unknown as { headersTimeout: number; connectionsCheckingInterval?: number };
    expect(server.headersTimeout).toBe(15_000);
    const { port } = app.getHttpServer().address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await text(socket);
    await until(async () => app.getHttpServer().listening && (await openConnections()) === 0);
  });

  it.each<[string, () => void, string]>([
    ['whose key is another', () => put({ cert: first.cert, private: second.private }), 'is not the private key of'],
    ['that is none', () => put({ cert: 'text', private: first.private }), 'TLS_CERTIFICATE_FILE does not hold'],
    ['whose key is none', () => put({ cert: first.cert, private: 'text' }), 'TLS_PRIVATE_KEY_FILE does not hold'],
  ])('does not start with a certificate %s', async (_, prepare, message) => {
    prepare();
    await expect(start()).rejects.toThrow(message);
  });

  it('does not start with half a pair', async () => {
    const service = { name: 'test', configuration: serviceConfiguration, module: () => ({ module: class {} }) };
    const half = { PORT: '0', TLS_CERTIFICATE_FILE: files.TLS_CERTIFICATE_FILE };
    await expect(createService(service, half)).rejects.toThrow('must be set both, or neither');
  });
});

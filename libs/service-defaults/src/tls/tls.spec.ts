import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { generate } from 'selfsigned';
import { Management, serviceConfiguration } from '../index.ts';
import { createService } from '../service.ts';
import { acceptedSuites, allSuites, chosenSuite } from './cipher-suites.fixture.ts';
import { cipherSuites } from './secure-context.ts';

const directory = mkdtempSync(join(tmpdir(), 'lanyard-tls-'));
const files = {
  TLS_CERTIFICATE_FILE: join(directory, 'tls.crt'),
  TLS_PRIVATE_KEY_FILE: join(directory, 'tls.key'),
};
type Pair = Awaited<ReturnType<typeof generate>>;
let first: Pair;
let second: Pair;
let withRsa: Pair;
beforeAll(async () => {
  const make = (value: string, keyType: 'ec' | 'rsa' = 'ec') =>
    generate([{ name: 'commonName', value }], { keyType, keySize: 2048 });
  [first, second] = [await make('first.example'), await make('second.example')];
  withRsa = await make('rsa.example', 'rsa');
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

const port = () => (app.getHttpServer().address() as AddressInfo).port;

/** The accepted suites of each version of TLS; for a refused version, one offer of all suites is enough. */
const accepted = async () => ({
  'TLSv1.3': await acceptedSuites({ port: port(), version: 'TLSv1.3' }),
  'TLSv1.2': await acceptedSuites({ port: port(), version: 'TLSv1.2' }),
  'TLSv1.1': await chosenSuite({ port: port(), version: 'TLSv1.1', suites: allSuites }),
  TLSv1: await chosenSuite({ port: port(), version: 'TLSv1', suites: allSuites }),
});

const allowed = (algorithm: string) => ({
  'TLSv1.3': ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  'TLSv1.2': ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].map(
    (rest) => `ECDHE-${algorithm}-${rest}`,
  ),
  'TLSv1.1': undefined,
  TLSv1: undefined,
});

async function ask(path: string, options: RequestOptions = {}) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const trust = { ca: [first.cert, second.cert], checkServerIdentity: () => undefined };
    get({ port: port(), path, agent: false, ...trust, ...options }, resolve).on('error', reject);
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
  it('serves https, and tells browsers to keep using it [security-headers, Lanyard]', async () => {
    put(first);
    await start();
    const { response, body } = await ask('/nothing');
    expect([response.statusCode, body]).toEqual([404, expect.stringContaining('no resource matches this path')]);
    expect(response.headers['strict-transport-security']).toBe('max-age=31536000');
  });

  it.each([
    ['an ECDSA certificate', 'ECDSA', () => first],
    ['an RSA certificate', 'RSA', () => withRsa],
  ])(
    'accepts no suite without forward secrecy and authenticated encryption, and no version before TLS 1.2, with %s [tls-suites, RFC 9325 §4.2]',
    async (_, algorithm, pair) => {
      put(pair());
      await start();
      expect(await accepted()).toEqual(allowed(algorithm));
    },
    30_000,
  );

  it('accepts the same after its certificate was renewed [tls-suites, RFC 9325 §4.2]', async () => {
    put(first);
    await start();
    put(withRsa);
    await until(async () => logs.includes('a new TLS certificate is in use'));
    expect(await accepted()).toEqual(allowed('RSA'));
  }, 30_000);

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'does not resume sessions of %s [tls-suites, RFC 9325 §4.2]',
    async (version) => {
      put(first);
      await start();
      const open = async (session?: Buffer) => {
        const socket = connectTls({
          port: port(),
          minVersion: version,
          maxVersion: version,
          rejectUnauthorized: false,
          session,
        });
        await once(socket, 'secureConnect');
        // A server of TLS 1.3 gives out sessions after the handshake.
        let latest = socket.getSession();
        socket.on('session', (given) => (latest = given));
        socket.write('GET /nothing HTTP/1.1\r\nhost: here\r\n\r\n');
        await once(socket, 'data');
        const isReused = socket.isSessionReused();
        socket.destroy();
        return { isReused, session: latest };
      };
      const { session } = await open();
      expect(session).toBeInstanceOf(Buffer);
      expect((await open(session)).isReused).toBe(false);
    },
  );

  it('does not renegotiate TLS 1.2, and agrees on a key for each connection [tls-suites, RFC 9325 §4.2]', async () => {
    put(first);
    await start();
    const socket = connectTls({ port: port(), maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: 'ECDH' });
    const refused = once(socket, 'error');
    socket.renegotiate({ rejectUnauthorized: false }, () => undefined);
    expect(await refused).toEqual([expect.objectContaining({ code: 'ERR_SSL_NO_RENEGOTIATION' })]);
  });

  it('uses a new certificate without a restart, and ignores one that it cannot use [tls-reload, Lanyard]', async () => {
    put(first);
    await start();
    const { fingerprint } = await ask('/nothing');
    // Like a renewal that is half written.
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

  it('closes connections without TLS, and has the same time limits as plain http', async () => {
    put(first);
    await start();
    const server = app.getHttpServer() as unknown as { headersTimeout: number; connectionsCheckingInterval?: number };
    expect(server.headersTimeout).toBe(15_000);
    const socket = connect(port(), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await text(socket);
    await until(async () => app.getHttpServer().listening && (await openConnections()) === 0);
  });

  it.each<[string, () => void, string]>([
    ['with the key of another', () => put({ cert: first.cert, private: second.private }), 'is not the private key of'],
    ['that is malformed', () => put({ cert: 'text', private: first.private }), 'TLS_CERTIFICATE_FILE does not contain'],
    [
      'whose key is malformed',
      () => put({ cert: first.cert, private: 'text' }),
      'TLS_PRIVATE_KEY_FILE does not contain',
    ],
  ])('does not start with a certificate %s', async (_, prepare, message) => {
    prepare();
    await expect(start()).rejects.toThrow(message);
  });

  it('does not start with half a pair', async () => {
    const service = { name: 'test', configuration: serviceConfiguration, module: () => ({ module: class {} }) };
    const half = { PORT: '0', TLS_CERTIFICATE_FILE: files.TLS_CERTIFICATE_FILE };
    await expect(createService(service, half)).rejects.toThrow('must both be set, or neither');
  });
});

describe('the suites of other servers', () => {
  it('are found if they accept more [tls-suites, RFC 9325 §4.2]', async () => {
    const ciphers = 'ALL:COMPLEMENTOFALL@SECLEVEL=0';
    const lax = createServer({ cert: withRsa.cert, key: withRsa.private, minVersion: 'TLSv1', ciphers });
    lax.on('tlsClientError', () => undefined);
    await once(lax.listen(0, '127.0.0.1'), 'listening');
    const { port } = lax.address() as AddressInfo;
    const nullMd5 = '0x0001';
    expect(await acceptedSuites({ port, version: 'TLSv1.2' })).toEqual(
      expect.arrayContaining([nullMd5, '0x002f', '0xc013', 'ECDHE-RSA-AES128-GCM-SHA256']),
    );
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      expect([version, await chosenSuite({ port, version, suites: allSuites })]).toEqual([version, expect.any(Number)]);
    }
    lax.close();
  }, 30_000);

  it('are the same at the gateway as in the services [tls-suites, RFC 9325 §4.2]', () => {
    const file = new URL('../../../../deploy/gateway/haproxy.cfg', import.meta.url);
    const setting = (name: string) =>
      new RegExp(`^  ssl-default-bind-${name} (.*)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1];
    expect([setting('ciphersuites'), setting('ciphers'), setting('options')]).toEqual([
      cipherSuites.filter((suite) => suite.startsWith('TLS_')).join(':'),
      cipherSuites.filter((suite) => !suite.startsWith('TLS_')).join(':'),
      'ssl-min-ver TLSv1.2 no-tls-tickets',
    ]);
  });
});

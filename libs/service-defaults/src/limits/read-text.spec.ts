import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { serviceConfiguration } from '../index.ts';
import { createService } from '../service.ts';
import { EchoModule } from './echo.fixture.ts';
import { piecesKept } from './kept-pieces.fixture.ts';
import { readText, type TextParser } from './read-text.ts';

const limit = 5000;
let app: NestFastifyApplication;
/** The error with which a body ends after its first piece. */
let broken: Error | undefined;

beforeEach(async () => {
  broken = undefined;
  const give: TextParser = (_request, text, done) => {
    if (text === 'refused') throw Object.assign(new Error('refused'), { statusCode: 418 });
    done(null, text);
  };
  const service = {
    name: 'test',
    configuration: serviceConfiguration,
    module: () => ({ module: EchoModule }),
    bodyLimit: limit,
    setUp: (application: NestFastifyApplication) => {
      const fastify = application.getHttpAdapter().getInstance();
      fastify.addHook('preParsing', (_request, _reply, payload, done) => {
        if (broken) payload.once('data', () => payload.emit('error', broken));
        done(null, payload);
      });
      fastify.addContentTypeParser('text/here', readText(give));
      fastify.addContentTypeParser('text/fastify', { parseAs: 'string' }, (request, text, done) =>
        give(request, String(text), done),
      );
    },
  };
  ({ app } = await createService(service, { PORT: '0', LOG_LEVEL: 'silent' }));
  await app.init();
});
afterEach(() => app.close());

async function send(type: string, pieces: Buffer[], length?: number) {
  const framing = length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(length) };
  const { statusCode, headers, body } = await app.inject({
    method: 'POST',
    url: '/echo',
    headers: { 'content-type': type, ...framing },
    payload: Readable.from(pieces, { objectMode: false }),
  });
  return [statusCode, headers.connection, JSON.parse(body) as { body?: string }];
}
const bytesOf = (bytes: Buffer) => Array.from(bytes, (byte) => Buffer.of(byte));

describe('a text', () => {
  it.each<[string, Buffer]>([
    ['is empty', Buffer.alloc(0)],
    ['is ASCII', Buffer.from('grant_type=client_credentials')],
    ['has characters of several bytes', Buffer.from('Grüße, 世界 🚆')],
    ['begins with a byte order mark', Buffer.from('\uFEFFtext')],
    ['is not UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf0, 0x9f])],
    ['has NUL', Buffer.from('a\0b')],
    ['is as large as the limit', Buffer.alloc(limit, 'x')],
    ['is too large', Buffer.alloc(limit + 1, 'x')],
    ['is refused by its parser', Buffer.from('refused')],
  ])('that %s is read as by Fastify, in any pieces [body-pieces, Lanyard]', async (_, bytes) => {
    for (const length of [undefined, bytes.length, bytes.length + 1, Math.max(0, bytes.length - 1)]) {
      for (const pieces of [[bytes], bytesOf(bytes), [bytes.subarray(0, 1500), bytes.subarray(1500)]]) {
        const sent = pieces.filter((piece) => piece.length > 0);
        expect(await send('text/here', sent, length)).toEqual(await send('text/fastify', sent, length));
      }
    }
  });

  it('is passed on unchanged', async () => {
    const text = 'Grüße, 世界 🚆'.repeat(50);
    expect(await send('text/here', bytesOf(Buffer.from(text)))).toEqual([201, 'close', { body: text }]);
    expect(await send('text/here', bytesOf(Buffer.alloc(limit + 1)))).toMatchObject([413, 'close', { status: 413 }]);
  });

  it.each([
    ['aborted', { code: 'ECONNRESET' }, 400],
    ['too late', { statusCode: 408 }, 408],
  ])('that breaks off ("%s") gets the same response as from Fastify', async (message, properties, status) => {
    broken = Object.assign(new Error(message), properties);
    for (const type of ['text/here', 'text/fastify']) {
      expect([type, (await send(type, bytesOf(Buffer.from('text'))))[0]]).toEqual([type, status]);
    }
  });
});

describe('the pieces of a body', () => {
  it.each(['text/here', 'application/json'])('of %s are not kept [body-pieces, Lanyard]', async (type) => {
    await app.listen(0, '127.0.0.1');
    const kept = await piecesKept(app.getHttpServer(), '/echo', `content-type: ${type}\r\n`, 2000);
    expect(kept).toBeLessThan(20);
  });

  it('are kept by Fastify, which is the reason for this parser', async () => {
    await app.listen(0, '127.0.0.1');
    expect(await piecesKept(app.getHttpServer(), '/echo', 'content-type: text/fastify\r\n', 2000)).toBe(2000);
  });
});

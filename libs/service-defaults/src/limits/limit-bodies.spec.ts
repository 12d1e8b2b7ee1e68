import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { serviceConfiguration } from '../index.ts';
import { createService } from '../service.ts';
import { EchoModule } from './echo.fixture.ts';

/** The largest body, bytes; twice that is the minimum of BODY_BYTES_PER_ADDRESS. */
const largest = 4 * 1024 * 1024;
const sockets: Socket[] = [];
let app: NestFastifyApplication;
let port: number;

beforeEach(async () => {
  const service = {
    name: 'test',
    configuration: serviceConfiguration,
    module: () => ({ module: EchoModule }),
    bodyLimit: largest,
  };
  const environment = { PORT: '0', LOG_LEVEL: 'silent', BODY_BYTES_PER_ADDRESS: String(2 * largest) };
  ({ app } = await createService(service, environment));
  await app.listen(0, '127.0.0.1');
  ({ port } = app.getHttpServer().address() as AddressInfo);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

/** Sends a request with `sent` as the first bytes of a body of `length` bytes; chunked if no length is given. */
async function begin(length: number | undefined, sent = '"', type = 'application/json', end = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const framing = length === undefined ? 'transfer-encoding: chunked' : `content-length: ${length}`;
  const head = `POST /echo HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: ${type}\r\n${framing}\r\n\r\n`;
  // Written at once.
  socket.write(head + (length === undefined ? `${sent.length.toString(16)}\r\n${sent}\r\n${end}` : sent));
  return socket;
}
const echo = (payload: string) =>
  app.inject({ method: 'POST', url: '/echo', headers: { 'content-type': 'application/json' }, payload });

describe('the bodies of one address', () => {
  it.each([
    ['of known length', largest],
    ['of unknown length', undefined],
  ])(
    'are refused while together they are too large, %s, and accepted again afterwards [held-bodies, Lanyard]',
    async (_, length) => {
      const held = [await begin(length), await begin(length)];
      const refused = await text(await begin(length));
      expect(refused).toMatch(/^HTTP\/1.1 429 [^]*retry-after: 1[^]*"type":"urn:lanyard:problem:too-many-bytes"/);
      for (const socket of held) socket.destroy();
      // The server needs a moment to notice.
      let answer = refused;
      while (answer.startsWith('HTTP/1.1 429')) answer = await text(await begin(largest, 'x'.repeat(largest)));
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
    },
  );

  it('may together be as large as the largest that a route accepts [held-bodies, Lanyard]', async () => {
    const service = { name: 'test', configuration: serviceConfiguration, module: () => ({ module: EchoModule }) };
    const environment = { PORT: '0', BODY_BYTES_PER_ADDRESS: String(8 * 1024 * 1024 - 1) };
    await expect(createService(service, environment)).rejects.toThrow('BODY_BYTES_PER_ADDRESS');
  });

  it('are not counted if they are small [held-bodies, Lanyard]', async () => {
    await begin(largest);
    await begin(largest);
    expect((await echo('"small"')).json()).toEqual({ body: 'small' });
  });

  it('are counted until their response, even if they stay unread or break off [held-bodies, Lanyard]', async () => {
    for (let i = 0; i < 3; i++) {
      expect(await text(await begin(largest, 'x', 'text/none'))).toMatch(/^HTTP\/1.1 415 /);
      expect(await text(await begin(undefined, 'x', 'text/none', '0\r\n\r\n'))).toMatch(/^HTTP\/1.1 415 /);
      const broken = await begin(largest);
      broken.resetAndDestroy();
    }
    let answer = '';
    for (answer = 'HTTP/1.1 429'; answer.startsWith('HTTP/1.1 429');) {
      answer = await text(await begin(largest, 'x'.repeat(largest)));
    }
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it('are refused before they are read if one is too large [body-limit, Lanyard]', async () => {
    expect(await text(await begin(largest + 1))).toMatch(/^HTTP\/1.1 413 [^]*connection: close/);
  });
});

describe('a JSON body', () => {
  it.each([
    ['32 levels', '['.repeat(32) + ']'.repeat(32)],
    ['brackets in a text', JSON.stringify('[{'.repeat(100))],
    ['brackets after an escaped quotation mark', JSON.stringify(`"${'['.repeat(100)}`)],
    ['brackets after backslashes', JSON.stringify(`\\\\"\\${'{'.repeat(100)}`)],
    ['many levels one after the other', `[${Array.from({ length: 100 }, () => '[{}]').join()}]`],
    ['nothing', ''],
  ])('may have %s [json-depth, Lanyard]', async (_, json) => {
    const { statusCode, body } = await echo(json);
    expect(statusCode).toBe(201);
    expect(JSON.parse(body)).toEqual(json === '' ? {} : { body: JSON.parse(json) });
  });

  it.each([
    ['more levels', '['.repeat(33) + ']'.repeat(33), 'JSON may be nested at most 32 levels deep'],
    ['more levels of objects', '{"a":'.repeat(33) + '1' + '}'.repeat(33), 'JSON may be nested at most 32 levels deep'],
    ['levels without an end', '['.repeat(500_000), 'JSON may be nested at most 32 levels deep'],
    ['more levels after a text without an end', `"${'['.repeat(100)}`, /not valid JSON/],
    ['a prototype', '{"__proto__":{}}', /not valid JSON/],
  ])('may not have %s [json-depth, Lanyard]', async (_, json, detail) => {
    const response = await echo(json);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ detail: expect.stringMatching(detail) });
  });
});

describe('the values of a JSON body', () => {
  const most = 300_000;
  const message = `JSON may have at most ${most} values`;

  it.each([
    ['as many numbers', `[${'1,'.repeat(most - 1)}1]`],
    ['commas and brackets in a text', JSON.stringify(',[{'.repeat(most))],
    ['a text of backslashes', JSON.stringify('\\'.repeat(1_000_000))],
    ['a text of quotation marks', JSON.stringify('"'.repeat(1_000_000))],
  ])('may be %s [json-values, Lanyard]', async (_, json) => {
    const { statusCode, body } = await echo(json);
    expect(statusCode).toBe(201);
    expect(body.length).toBe(json.length + '{"body":}'.length);
  });

  it.each([
    ['one number more', `[${'1,'.repeat(most)}1]`],
    ['small objects', `{"x":[${'{},'.repeat(1_000_000)}{}]}`],
    ['empty arrays', `[${'[],'.repeat(1_000_000)}[]]`],
    ['properties', `{${'"":0,'.repeat(500_000)}"":0}`],
    ['texts', `[${'"\\\\\\"",'.repeat(most)}""]`],
    ['no JSON', ','.repeat(1_000_000)],
  ])('are refused before they are parsed if there are too many: %s [json-values, Lanyard]', async (_, json) => {
    const parse = jest.spyOn(JSON, 'parse');
    const response = await echo(json);
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ detail: message });
  });
});

import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { serviceConfiguration } from '../index.ts';
import { createService } from '../service.ts';
import { EchoModule } from './echo.fixture.ts';

let app: NestFastifyApplication;

beforeAll(async () => {
  const service = { name: 'test', configuration: serviceConfiguration, module: () => ({ module: EchoModule }) };
  ({ app } = await createService(service, { PORT: '0', LOG_LEVEL: 'silent' }));
  await app.init();
});
afterAll(() => app.close());

const send = (coding: string, payload: Buffer | string) =>
  app.inject({
    method: 'POST',
    url: '/echo',
    headers: { 'content-type': 'application/json', 'content-encoding': coding },
    payload,
  });

it.each(['gzip', 'GZIP', 'br', 'identity, gzip'])(
  'refuses a body of the content coding %j by name [content-coding, RFC 9110 §8.4]',
  async (coding) => {
    const answer = await send(coding, gzipSync('"a"'));
    expect(answer.headers['accept-encoding']).toBe('identity');
    expect(answer.json()).toEqual({
      type: 'urn:lanyard:problem:content-coding',
      title: 'The body must not be compressed',
      status: 415,
      detail: 'send it without Content-Encoding',
    });
  },
);

it('accepts a body without a content coding, and one with "identity"', async () => {
  for (const coding of ['identity', 'Identity', '']) expect((await send(coding, '"a"')).json()).toEqual({ body: 'a' });
});

import { expect, it } from '@jest/globals';
import Fastify from 'fastify';
import { addRouteHooks } from './route-hooks.ts';

it('adds hooks to the selected routes, in addition to those that they have', async () => {
  const fastify = Fastify();
  const called: string[] = [];
  addRouteHooks(fastify, ({ url }) => url.startsWith('/admin/'), {
    onRequest: ({ url }, _reply, done) => {
      called.push(`added ${url}`);
      done();
    },
    onSend: async (_request, _reply, payload) => `${String(payload)}!`,
  });
  const onRequest = [
    ({ url }: { url: string }, _reply: unknown, done: () => void) => {
      called.push(`own ${url}`);
      done();
    },
  ];
  fastify.get('/admin/clients', { onRequest }, () => 'clients');
  fastify.get('/token', { onRequest }, () => 'token');
  await fastify.register(async (child) => void child.get('/admin/child', () => 'child'));
  const answers: string[] = [];
  for (const url of ['/admin/clients', '/token', '/admin/child']) answers.push((await fastify.inject(url)).body);
  expect(answers).toEqual(['clients!', 'token', 'child!']);
  expect(called).toEqual(['own /admin/clients', 'added /admin/clients', 'own /token', 'added /admin/child']);
});

import { expect, it } from '@jest/globals';
import { describeAnswers } from './index.ts';

interface Document {
  paths: Record<
    string,
    Record<
      string,
      {
        parameters?: object[];
        requestBody?: object;
        responses: Record<string, object>;
        security?: object[];
      }
    >
  >;
  components?: { schemas?: Record<string, object> };
}

it('adds the common responses of all routes to each operation', () => {
  const { paths, components } = describeAnswers<Document>(
    {
      paths: {
        '/jobs/{id}': {
          patch: {
            security: [{ access_token: ['jobs:write'] }],
            parameters: [
              { in: 'path', name: 'id' },
              { in: 'header', name: 'If-Match' },
            ],
            requestBody: {},
            responses: {
              200: { description: 'changed' },
              409: { description: 'it has ended' },
              403: { description: 'mine' },
            },
          },
        },
        '/me': { get: { security: [{ access_token: [] }], responses: { 200: {} } } },
        '/.well-known/oauth-protected-resource/{path}': {
          get: {
            parameters: [{ in: 'path', name: '*' }],
            responses: { 200: {} },
          },
        },
      },
    },
    'access_token',
    { 429: 'too many at a time' },
  );
  const operations = Object.entries(paths).map(([path, item]) => {
    const [operation] = Object.values(item);
    return [path, Object.keys(operation?.responses ?? {}).join(' '), operation?.security];
  });
  expect(operations).toEqual([
    ['/jobs/{id}', '200 400 401 403 404 408 409 412 413 415 429 503', [{ access_token: ['jobs:write'] }]],
    ['/me', '200 401 415 429 503', [{ access_token: [] }]],
    ['/.well-known/oauth-protected-resource/{path}', '200 404', []],
  ]);
  const responses = paths['/jobs/{id}']?.patch?.responses ?? {};
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  expect([responses[200], responses[403], responses[409], responses[429]]).toEqual([
    { description: 'changed' },
    { description: 'mine', content },
    { description: 'it has ended', content },
    { description: 'too many at a time', content },
  ]);
  const [, , below] = Object.values(paths);
  expect(below?.get?.parameters).toEqual([{ in: 'path', name: 'path' }]);
  expect(Object.keys(components!.schemas!)).toEqual(['Problem']);
});

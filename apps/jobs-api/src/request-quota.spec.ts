import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startJobsApi } from './jobs-api.fixture.ts';

let api: Awaited<ReturnType<typeof startJobsApi>>;
beforeAll(async () => {
  api = await startJobsApi({ REQUESTS_PER_MINUTE: '20' });
});
afterAll(() => api.stop());

it('refuses only requests over the quota of a client [request-quota, Lanyard]', async () => {
  const list = () => api.worker('GET', '/jobs');
  const statuses = [];
  for (let i = 0; i < 12; i++) statuses.push((await list()).status);
  expect(statuses).toEqual([...Array<number>(10).fill(200), 429, 429]);
  const refused = await api.worker('POST', '/jobs/claim', { types: ['summarize-csv'] });
  expect(refused).toMatchObject({
    status: 429,
    headers: { 'retry-after': '1', 'content-type': 'application/problem+json; charset=utf-8' },
    body: {
      type: 'urn:lanyard:problem:too-many-requests',
      detail: 'a client may send 20 requests a minute: try again later',
    },
  });
  expect((await api.as('jobs-cli', 'jobs:read')('GET', '/jobs')).status).toBe(200);
  // Requests without a valid token cannot use up a client's quota.
  const anonymous = await api.app.inject({ url: '/jobs', headers: { authorization: 'Bearer nonsense' } });
  expect(anonymous.statusCode).toBe(401);
});

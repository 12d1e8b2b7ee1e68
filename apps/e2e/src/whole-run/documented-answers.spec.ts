import { describe, expect, it } from '@jest/globals';
import { readRecord } from '@lanyard/local-system';
import { call, issuer, jobsApi, project } from '../system-under-test.ts';

/** The log line of a request. */
interface RequestLine {
  msg: string;
  method: string;
  route: string;
  status: number;
}

/** Statuses with which listeners answer requests that reach no operation. */
const listenerStatuses = new Set([400, 404, 405, 408, 414, 415, 417, 431]);

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
}

// The output of containers is recorded only at the end.
const describeForProcesses = project ? describe.skip : describe;

describeForProcesses('the OpenAPI document', () => {
  it.each([
    ['auth-server', issuer],
    ['jobs-api', jobsApi],
  ])('of the %s lists every status that the service answered in these tests', async (service, url) => {
    const { paths } = (await call(`${url}/docs-json`)).body as unknown as Document;
    const documented = new Set(
      Object.entries(paths).flatMap(([path, operations]) =>
        Object.entries(operations).flatMap(([method, { responses }]) =>
          Object.keys(responses).map(
            (status) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')} ${status}`,
          ),
        ),
      ),
    );
    const answered = new Set(
      requestsOf(service).flatMap(({ method, route, status }) =>
        // Browsers send preflight requests to any path.
        method === 'OPTIONS' ||
        /^\/(docs|health|metrics)/.test(route) ||
        (route === '(unknown)' && listenerStatuses.has(status))
          ? []
          : [`${method === 'HEAD' ? 'GET' : method} ${route.replace('*', ':path')} ${status}`],
      ),
    );
    expect(answered.size).toBeGreaterThan(40);
    expect([...answered].filter((answer) => !documented.has(answer)).toSorted()).toEqual([]);
  });
});

function requestsOf(service: string): RequestLine[] {
  return readRecord('output')
    .split('\n')
    .flatMap((line) => {
      const [source, text = ''] = line.split('\t');
      if (source !== service || !text.startsWith('{')) return [];
      const fields = JSON.parse(text) as RequestLine;
      return fields.msg === 'request' ? [fields] : [];
    });
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { call, directory, issuer, jobsApi, project } from '../system-under-test.ts';

/** A line that a service logged of a request. */
interface RequestLine {
  msg: string;
  method: string;
  route: string;
  status: number;
}

/** Answers of listeners to what reaches no operation. */
const ofListeners = new Set([400, 404, 405, 408, 414, 415, 417, 431]);

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
}

// In containers, nothing is recorded before the end.
const ofProcesses = project ? describe.skip : describe;

ofProcesses('the OpenAPI document', () => {
  it.each([
    ['auth-server', issuer],
    ['jobs-api', jobsApi],
  ])('every status that the %s has answered in these tests is in its OpenAPI document', async (service, url) => {
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
        // A preflight is asked by browsers, whatever a path is for.
        method === 'OPTIONS' ||
        /^\/(docs|health|metrics)/.test(route) ||
        (route === '(unknown)' && ofListeners.has(status))
          ? []
          : [`${method === 'HEAD' ? 'GET' : method} ${route.replace('*', ':path')} ${status}`],
      ),
    );
    expect(answered.size).toBeGreaterThan(40);
    expect([...answered].filter((answer) => !documented.has(answer)).toSorted()).toEqual([]);
  });
});

function requestsOf(service: string): RequestLine[] {
  const file = join(directory, 'record', 'output');
  if (!existsSync(file)) throw new Error('nothing was recorded');
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [source, text = ''] = line.split('\t');
      if (source !== service || !text.startsWith('{')) return [];
      const fields = JSON.parse(text) as RequestLine;
      return fields.msg === 'request' ? [fields] : [];
    });
}

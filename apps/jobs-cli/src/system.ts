import { join } from 'node:path';
import { secretFromFile, TokenClient } from '@lanyard/token-client';

/** How the command line reaches the services; each call carries a token of its own client and scope. */
export interface System {
  jobs: Call;
  reports: Call;
  runs: Call;
}

export type Call = <Answer>(method: 'GET' | 'POST', path: string, body?: Upload | object) => Promise<Answer>;

/** A body that is sent as it is. */
export interface Upload {
  stream: () => ReadableStream;
  type: string;
}

export function connect(environment: NodeJS.ProcessEnv): System {
  const issuer = environment.ISSUER || 'http://localhost:3000';
  const jobsApi = environment.JOBS_API_URL || 'http://localhost:3002';
  const batchProcessor = environment.BATCH_PROCESSOR_URL || 'http://localhost:3001';
  const secrets = environment.SECRETS_DIRECTORY || '.lanyard/secrets';
  const tokensOf = (clientId: string) =>
    new TokenClient({ issuer, clientId, clientSecret: secretFromFile(join(secrets, clientId, 'client_secret')) });
  const cli = tokensOf('jobs-cli');
  return {
    jobs: caller(jobsApi, cli.fetch({ scope: 'jobs:read jobs:write', resource: jobsApi })),
    reports: caller(jobsApi, tokensOf('report-generator').fetch({ scope: 'reports:read', resource: jobsApi })),
    runs: caller(batchProcessor, cli.fetch({ scope: 'runs:write', resource: batchProcessor })),
  };
}

function caller(address: string, authorizedFetch: typeof fetch): Call {
  return async (method, path, body) => {
    const response = await authorizedFetch(address + path, { method, ...contentOf(body) }).catch((error: unknown) => {
      throw new Error(reasonOf(address, error));
    });
    const answer = (await response.json().catch(() => ({}))) as Problem;
    if (response.ok) return answer as never;
    throw new Error(`${method} ${address}${path} answered ${response.status}: ${reasonsOf(answer)}`);
  };
}

function contentOf(body?: Upload | object): RequestInit {
  if (body === undefined) return {};
  if ('stream' in body) {
    return { body: body.stream(), headers: { 'content-type': body.type }, duplex: 'half' };
  }
  return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

function reasonOf(address: string, error: unknown): string {
  const causes: string[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 4; cause = cause.cause) {
    causes.push((cause as NodeJS.ErrnoException).code ?? cause.message);
  }
  return `${address} cannot be called (${causes.join(': ')}). Is it running? Start everything with: npm start`;
}

interface Problem {
  title?: string;
  detail?: string;
  errors?: { field: string; message: string }[];
}

const reasonsOf = ({ title, detail, errors = [] }: Problem): string =>
  [title, detail, ...errors.map(({ field, message }) => `${field}: ${message}`.replace(/^: /, ''))]
    .filter(Boolean)
    .join(', ');

import { join } from 'node:path';
import { secretFromFile, TokenClient } from '@lanyard/token-client';

/** How the command line reaches the services; each call carries a token of its own client and scope. */
export interface System {
  jobs: Call;
  reports: Call;
  runs: Call;
}

export type Call = <Answer>(
  method: 'GET' | 'POST',
  path: string,
  body?: Upload | object,
  headers?: Record<string, string>,
) => Promise<Answer>;

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
    new TokenClient({
      issuer,
      issuerAddress: environment.ISSUER_ADDRESS || undefined,
      clientId,
      clientSecret: secretFromFile(join(secrets, clientId, 'client_secret')),
      allowInsecureRequests: environment.ALLOW_INSECURE_REQUESTS === 'true',
    });
  const cli = tokensOf('jobs-cli');
  const jobs = environment.JOBS_API_RESOURCE || jobsApi;
  const runs = environment.BATCH_PROCESSOR_RESOURCE || batchProcessor;
  return {
    jobs: caller(jobsApi, cli.fetch({ scope: 'jobs:read jobs:write', resource: jobs })),
    reports: caller(jobsApi, tokensOf('report-generator').fetch({ scope: 'reports:read', resource: jobs })),
    runs: caller(batchProcessor, cli.fetch({ scope: 'runs:write', resource: runs })),
  };
}

function caller(address: string, authorizedFetch: typeof fetch): Call {
  return async (method, path, body, headers = {}) => {
    const { type, ...content } = contentOf(body);
    const init = { method, ...content, headers: { ...(type && { 'content-type': type }), ...headers } };
    const response = await authorizedFetch(address + path, init).catch((error: unknown) => {
      throw new Error(reasonOf(address, error));
    });
    const answer = (await response.json().catch(() => ({}))) as Problem;
    if (response.ok) return answer as never;
    throw new Error(`${method} ${address}${path} answered ${response.status}: ${reasonsOf(answer)}`);
  };
}

function contentOf(body?: Upload | object): RequestInit & { type?: string } {
  if (body === undefined) return {};
  if ('stream' in body) {
    return { body: body.stream(), type: body.type, duplex: 'half' };
  }
  return { body: JSON.stringify(body), type: 'application/json' };
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

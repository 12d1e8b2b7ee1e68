import { join } from 'node:path';
import { caller, type Call } from '@lanyard/command-line';
import { secretFromFile, TokenClient } from '@lanyard/token-client';

/** How the command line reaches the services; each call carries a token of its own client and scope. */
export interface System {
  jobs: Call;
  reports: Call;
  runs: Call;
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
    jobs: calls(jobsApi, cli.fetch({ scope: 'jobs:read jobs:write', resource: jobs })),
    reports: calls(jobsApi, tokensOf('report-generator').fetch({ scope: 'reports:read', resource: jobs })),
    runs: calls(batchProcessor, cli.fetch({ scope: 'runs:write', resource: runs })),
  };
}

function calls(address: string, authorizedFetch: typeof fetch): Call {
  const call = caller(address, authorizedFetch);
  return async <Body>(...request: Parameters<typeof call>) => (await call<Body>(...request)).body;
}

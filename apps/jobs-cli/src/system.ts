import { address, caller, commonSettings, readSettings, secretFileOf, type Call } from '@lanyard/command-line';
import { secretFromFile, TokenClient } from '@lanyard/token-client';
import { z } from 'zod';

/** How the command line calls the services; each kind of call has a token with its own client and scope. */
export interface System {
  jobs: Call;
  reports: Call;
  runs: Call;
}

const settings = commonSettings.extend({
  CLIENT_ID: z.string().default('jobs-cli'),
  CLIENT_SECRET_FILE: z.string().optional(),
  JOBS_API_URL: address.default('http://localhost:3002'),
  JOBS_API_RESOURCE: address.optional(),
  BATCH_PROCESSOR_URL: address.default('http://localhost:3001'),
  BATCH_PROCESSOR_RESOURCE: address.optional(),
});

/** Reads the environment at the first call: help works without it. */
export function connect(environment: NodeJS.ProcessEnv): System {
  let system: System | undefined;
  const callOf =
    (name: keyof System): Call =>
    (...request) =>
      (system ??= connected(environment))[name](...request);
  return { jobs: callOf('jobs'), reports: callOf('reports'), runs: callOf('runs') };
}

function connected(environment: NodeJS.ProcessEnv): System {
  const services = readSettings(settings, environment);
  const tokensOf = (clientId: string, secretFile = secretFileOf(services, clientId)) =>
    new TokenClient({
      issuer: services.ISSUER,
      issuerAddress: services.ISSUER_ADDRESS,
      clientId,
      clientSecret: secretFromFile(secretFile),
      allowInsecureRequests: services.ALLOW_INSECURE_REQUESTS,
    });
  const cli = tokensOf(services.CLIENT_ID, services.CLIENT_SECRET_FILE);
  const jobs = services.JOBS_API_RESOURCE ?? services.JOBS_API_URL;
  const runs = services.BATCH_PROCESSOR_RESOURCE ?? services.BATCH_PROCESSOR_URL;
  return {
    jobs: calls(services.JOBS_API_URL, cli.fetch({ scope: 'jobs:read jobs:write', resource: jobs })),
    reports: calls(
      services.JOBS_API_URL,
      tokensOf('report-generator').fetch({ scope: 'reports:read', resource: jobs }),
    ),
    runs: calls(services.BATCH_PROCESSOR_URL, cli.fetch({ scope: 'runs:write', resource: runs })),
  };
}

function calls(url: string, authorizedFetch: typeof fetch): Call {
  const call = caller(url, authorizedFetch);
  return async <Body>(...request: Parameters<typeof call>) => (await call<Body>(...request)).body;
}

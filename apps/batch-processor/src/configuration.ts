import { managementPortOf, resourceServerConfiguration, serviceConfiguration } from '@lanyard/service-defaults';
import { validateCronExpression } from 'cron';
import { z } from 'zod';

const address = z.url({ protocol: /^https?$/, error: 'must be an http(s) address' });

export const batchProcessorConfiguration = serviceConfiguration.extend(resourceServerConfiguration.shape).extend({
  PORT: serviceConfiguration.shape.PORT.default(3001),
  MANAGEMENT_PORT: managementPortOf(3101),
  RESOURCE: address
    .default('http://localhost:3001')
    .describe('the identifier of this service as a protected resource: the audience of tokens for `POST /runs`'),
  REQUESTS_PER_MINUTE: resourceServerConfiguration.shape.REQUESTS_PER_MINUTE.default(600),
  CLIENT_ID: resourceServerConfiguration.shape.CLIENT_ID.default('batch-processor'),
  JOBS_API_URL: address.default('http://localhost:3002').describe('the address of the jobs API'),
  JOBS_API_RESOURCE: address
    .optional()
    .describe("the jobs API's identifier, the audience of tokens for it; default: JOBS_API_URL"),
  SCHEDULE: z
    .string()
    .default('*/15 * * * *')
    .refine((expression) => validateCronExpression(expression).valid, 'must be a cron expression')
    .describe('when runs start, in addition to the start of the service and `POST /runs`: a cron expression'),
  CONCURRENCY: z.coerce.number().int().min(1).max(64).default(4).describe('how many jobs are processed at a time'),
  LEASE_SECONDS: z.coerce
    .number()
    .int()
    .min(2)
    .max(3600)
    .default(30)
    .describe('how long a job stays with a worker that stopped responding, seconds'),
});
export type BatchProcessorConfiguration = z.infer<typeof batchProcessorConfiguration>;

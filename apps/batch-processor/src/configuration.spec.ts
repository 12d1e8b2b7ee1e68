import { describe, expect, it } from '@jest/globals';
import { readConfiguration } from '@lanyard/service-defaults';
import { batchProcessorConfiguration } from './configuration.ts';

const read = (environment: NodeJS.ProcessEnv) =>
  readConfiguration(batchProcessorConfiguration, { CLIENT_SECRET_FILE: '/run/secret', ...environment });

describe('the configuration of the batch processor', () => {
  it('schedules a run every 15 minutes by default, and keeps the name of the secret file, not its content', () => {
    expect(read({})).toMatchObject({ SCHEDULE: '*/15 * * * *', CLIENT_SECRET_FILE: '/run/secret', CONCURRENCY: 4 });
  });

  it.each([
    [{ SCHEDULE: 'every day' }, 'SCHEDULE: must be a cron expression'],
    [{ CLIENT_SECRET_FILE: '' }, 'CLIENT_SECRET_FILE is not set'],
    [{ CONCURRENCY: '0' }, 'CONCURRENCY: '],
    [{ ISSUER: 'localhost' }, 'ISSUER: must be an http(s) address'],
  ])('refuses %j', (environment, message) => {
    expect(() => read(environment)).toThrow(message);
  });
});

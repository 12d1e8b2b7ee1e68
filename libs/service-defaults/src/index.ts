export { CONFIGURATION, readConfiguration } from './configuration/read-configuration.ts';
export { readTextFile } from './configuration/read-text-file.ts';
export { ConfigurationError, StartupError } from './configuration/startup-error.ts';
export {
  apiDocs,
  databaseConfiguration,
  issuerConfiguration,
  managementPortOf,
  resourceServerConfiguration,
  serviceConfiguration,
  type DatabaseConfiguration,
  type ServiceConfiguration,
} from './configuration/common-configuration.ts';
export { databaseModule, separatePool } from './database/database.module.ts';
export { ReadTimeoutClient } from './database/read-timeout-client.ts';
export { migrateSchema, type SchemaMigration } from './database/migrate-schema.ts';
export { Health, HealthModule, Readiness } from './health/health.module.ts';
export { jsonParser } from './limits/json-parser.ts';
export { Management } from './management/management.ts';
export { limitBodyTime } from './limits/limit-body-time.ts';
export { markAuthenticated } from './limits/limit-connections.ts';
export { network } from './limits/network.ts';
export { readText } from './limits/read-text.ts';
export { quotaBucket, quotaCache } from './limits/quota-bucket.ts';
export { RequestQuotaModule } from './limits/request-quota.ts';
export { addLogFields } from './logging/request-log.ts';
export { createLogger } from './logging/logger.ts';
export { methodNotAllowed } from './allowed-methods.ts';
export { addRouteHooks, noStore } from './route-hooks.ts';
export { MetricsModule, MetricsRegistry } from './metrics/metrics.module.ts';
export { withTimeout } from './with-timeout.ts';
export { nextPage } from './next-page.ts';
export { parseIdempotencyKey } from './problem/idempotency-key.ts';
export { invalid } from './problem/invalid.ts';
export { momentQuery } from './problem/moment-query.ts';
export { validationPipe } from './problem/validation-pipe.ts';
export { isDatabaseUnavailable, ProblemFilter } from './problem/problem.filter.ts';
export { type Problem, problemException } from './problem/problem.ts';
export { conflict, notFound } from './problem/problems.ts';
export { repeat } from './repeat.ts';
export { describeAnswers } from './describe-answers.ts';
export { allowDocsPage } from './docs-page.ts';
export { createService, runService, type Service } from './service.ts';
export { runMigration } from './migration.ts';

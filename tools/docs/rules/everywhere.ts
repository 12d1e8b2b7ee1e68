import type { Rule } from './rule.ts';

const library = 'libs/service-defaults/src';
const service = `${library}/service.ts`;
const limits = `${library}/limits/limits.ts`;
const compose = 'docker-compose.yml';

export const everywhere: readonly Rule[] = [
  {
    name: 'no-secret-in-output',
    section: 'Lanyard',
    text: 'Secrets and tokens reach no log, no trace, no metric and no error.',
    files: [`${library}/logging/logger.ts`, `${library}/logging/request-log.ts`],
  },
  {
    name: 'configuration-errors-name-no-value',
    section: 'Lanyard',
    text: 'What is wrong with the configuration is told by name, and without its value.',
    files: [`${library}/configuration/read-configuration.ts`],
  },
  {
    name: 'body-limit',
    section: 'Lanyard',
    text: 'A body that is too large is refused before it is read, and it is said why.',
    files: [service],
  },
  {
    name: 'header-limit',
    section: 'Lanyard',
    text: 'Headers that are too large are refused, and it is said why.',
    files: [limits],
  },
  {
    name: 'parameter-limit',
    section: 'Lanyard',
    text: 'A request with too many parameters is refused, and it is said why.',
    files: ['apps/auth-server/src/token/form-parameters.ts'],
  },
  {
    name: 'time-limit',
    section: 'Lanyard',
    text: 'A request that takes too long to come in is ended.',
    files: [limits, `${library}/limits/limit-body-time.ts`],
  },
  {
    name: 'connection-limit',
    section: 'Lanyard',
    text: 'Connections beyond what a service can serve are refused.',
    files: [limits],
  },
  {
    name: 'no-server-error',
    section: 'Lanyard',
    text: 'No request can make a service fail: what is wrong with it is told with `4xx`.',
    files: [`${library}/problem/problem.filter.ts`, service],
  },
  {
    name: 'no-process-ends',
    section: 'Lanyard',
    text: 'No lost connection and no error of a dependency ends a process, and a bug ends none without a line in its log.',
    files: [`${library}/database/database-client.ts`, `${library}/uncaught-errors.ts`, `${library}/logging/logger.ts`],
  },
  {
    name: 'strange-characters',
    section: 'Lanyard',
    text: 'NUL, control characters and broken encodings are refused as bad requests, wherever they stand.',
    files: [`${library}/problem/problem.filter.ts`, 'libs/administration/src/text.ts'],
  },
  {
    name: 'request-smuggling',
    section: 'RFC 9112 §6.3',
    text: 'A request whose end is ambiguous is refused, and what follows it is no other request.',
    files: [service],
  },
  {
    name: 'security-headers',
    section: 'Lanyard',
    text: 'Every answer tells browsers not to guess its type, load anything, frame it or pass on its address.',
    files: [service, `${library}/docs-page.ts`],
  },
  {
    name: 'closed-cors',
    section: 'Lanyard',
    text: 'Nothing is opened to scripts of other origins.',
    files: [service],
  },
  {
    name: 'trusted-proxies-only',
    section: 'Lanyard',
    text: '`X-Forwarded-*` headers count from configured proxies alone, and headers with a client certificate never.',
    files: [service, `${library}/configuration/common-configuration.ts`],
  },
  {
    name: 'tls-reload',
    section: 'Lanyard',
    text: 'A renewed certificate is taken up without a restart.',
    files: [`${library}/tls/renew-certificate.ts`],
  },
  {
    name: 'locked-containers',
    section: 'Lanyard',
    text: 'Containers run without root, capabilities, new privileges or a file system that can be written.',
    files: [compose, 'Dockerfile'],
  },
  {
    name: 'reproducible-images',
    section: 'Lanyard',
    text: 'Images are built alike from the same sources and base images, which CI pins by digest.',
    files: ['Dockerfile', compose, '.github/workflows/ci.yml'],
    decision: 'docs/decisions/0017-supply-chain.md',
  },
  {
    name: 'least-privilege-roles',
    section: 'Lanyard',
    text: 'The database role of a service reads and writes rows, and cannot alter the schema.',
    files: ['deploy/postgres/create-databases.sql', 'libs/testing/src/embedded-postgres/database.ts'],
  },
  {
    name: 'lock-file',
    section: 'Lanyard',
    text: 'Every dependency is locked to one version and the digest of its content.',
    files: ['package-lock.json'],
  },
  {
    name: 'dependency-audit',
    section: 'Lanyard',
    text: 'No dependency has a known critical vulnerability.',
    files: ['package-lock.json'],
  },
  {
    name: 'install-scripts',
    section: 'Lanyard',
    text: 'Install scripts run for the packages of an allow-list alone.',
    files: ['package.json'],
  },
  {
    name: 'acts-are-audited',
    section: 'Lanyard',
    text: 'Every administrative act leaves an audit event: who, what, from where, with which outcome; never a secret.',
    files: [
      'apps/auth-server/src/audit/append-audit-events.ts',
      'libs/administration/src/audit-event.ts',
      'apps/auth-server/src/administration/origin.ts',
    ],
  },
  {
    name: 'refusals-are-audited',
    section: 'Lanyard',
    text: 'Every refused authentication leaves an audit event, added up where there are many.',
    files: [
      'apps/auth-server/src/audit/audit-log.ts',
      'apps/auth-server/src/client-authentication/client-authentication.ts',
      'apps/auth-server/src/administration/serve-administration.ts',
    ],
  },
  {
    name: 'audit-is-append-only',
    section: 'Lanyard',
    text: 'What the audit log holds is neither changed nor removed unnoticed.',
    files: ['libs/administration/src/audit-event.ts', 'apps/auth-server/src/migration/2-administration.ts'],
  },
];

import type { Rule } from './rule.ts';

const library = 'libs/service-defaults/src';
const service = `${library}/service.ts`;
const limits = `${library}/limits/limits.ts`;
const gateway = 'deploy/gateway/haproxy.cfg';
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
    files: [service, `${library}/limits/limit-bodies.ts`],
  },
  {
    name: 'held-bodies',
    section: 'Lanyard',
    text: 'The bodies that come in from one address at a time have a limit together.',
    files: [`${library}/limits/limit-bodies.ts`],
  },
  {
    name: 'body-pieces',
    section: 'Lanyard',
    text: 'A body costs memory by its bytes, however small the pieces are in which it comes in.',
    files: [
      `${library}/limits/read-text.ts`,
      `${library}/limits/unread-bodies.ts`,
      'apps/jobs-api/src/files/in-chunks.ts',
    ],
  },
  {
    name: 'request-quota',
    section: 'Lanyard',
    text: 'A client sends no more requests in a while to the jobs API and the batch processor than its quota allows.',
    files: [`${library}/limits/request-quota.ts`, `${library}/limits/quota-bucket.ts`],
  },
  {
    name: 'json-depth',
    section: 'Lanyard',
    text: 'JSON is refused before it is parsed where it is deeper than any request needs.',
    files: [`${library}/limits/json-parser.ts`],
  },
  {
    name: 'heap-limit',
    section: 'Lanyard',
    text: 'A container leaves room in its memory for what lies outside the heap.',
    files: ['Dockerfile'],
  },
  {
    name: 'upload-leaves-nothing',
    section: 'Lanyard',
    text: 'An upload that does not become a file leaves nothing: at once, or within minutes where its process was killed.',
    files: ['apps/jobs-api/src/files/files.ts', 'apps/jobs-api/src/files/uploads.ts'],
    decision: 'docs/decisions/0006-files-are-in-the-database.md',
  },
  {
    name: 'file-quota',
    section: 'Lanyard',
    text: 'A client has a quota of files, of their bytes and of uploads at a time, over all replicas.',
    files: ['apps/jobs-api/src/files/uploads.ts'],
    decision: 'docs/decisions/0006-files-are-in-the-database.md',
  },
  {
    name: 'file-owners',
    section: 'Lanyard',
    text: 'Each client that uploads a file owns it, pays its quota for it, and keeps it until it deletes it, whatever other clients delete.',
    files: ['apps/jobs-api/src/files/files.ts', 'apps/jobs-api/src/files/uploads.ts'],
    decision: 'docs/decisions/0006-files-are-in-the-database.md',
  },
  {
    name: 'deleted-file',
    section: 'Lanyard',
    text: 'A download of a file that is deleted meanwhile is a 404 or a broken connection, and never looks complete.',
    files: ['apps/jobs-api/src/files/files.ts'],
    decision: 'docs/decisions/0006-files-are-in-the-database.md',
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
    files: [`${library}/limits/limit-connections.ts`],
    decision: 'docs/decisions/0018-management-listener-and-shares.md',
  },
  {
    name: 'connection-share',
    section: 'Lanyard',
    text: 'An address holds no more than its share of connections on which nothing was authenticated; idle ones go first.',
    files: [`${library}/limits/limit-connections.ts`, `${library}/limits/connection-shares.ts`, gateway],
    decision: 'docs/decisions/0018-management-listener-and-shares.md',
  },
  {
    name: 'pipelined-requests',
    section: 'Lanyard',
    text: 'A connection on which nothing was authenticated has a hundred requests under way at most.',
    files: [`${library}/limits/limit-connections.ts`],
    decision: 'docs/decisions/0018-management-listener-and-shares.md',
  },
  {
    name: 'management-listener',
    section: 'Lanyard',
    text: 'Health and metrics are answered at a port of their own only, whatever the public one is busy with.',
    files: [`${library}/management/management.ts`],
    decision: 'docs/decisions/0018-management-listener-and-shares.md',
  },
  {
    name: 'api-docs-off',
    section: 'Lanyard',
    text: 'A service describes its API to the public only where `API_DOCS` says so.',
    files: ['apps/auth-server/src/auth-server.ts', 'apps/jobs-api/src/jobs-api.ts'],
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
    files: [`${library}/security-headers.ts`, service, `${library}/docs-page.ts`],
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
    files: [`${library}/trusted-proxies.ts`, `${library}/configuration/common-configuration.ts`],
  },
  {
    name: 'tls-suites',
    section: 'RFC 9325 §4.2',
    text: 'A TLS server agrees on TLS 1.3, or on TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, and on nothing else.',
    files: [`${library}/tls/secure-context.ts`, 'deploy/gateway/haproxy.cfg'],
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

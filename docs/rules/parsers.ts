import type { Rule } from './rule.ts';

const server = 'apps/auth-server/src';
const defaults = 'libs/service-defaults/src';

/** What holds for all that is read: it is taken or refused, and nothing else, in a time that grows with its length. */
export const parsers: readonly Rule[] = [
  {
    name: 'request-validation',
    section: 'Lanyard',
    text: 'Bodies and queries are taken or refused by a schema, whatever is in them.',
    files: [`${defaults}/problem/invalid.ts`, 'libs/administration/src/text.ts', 'libs/jobs-contract/src/job.ts'],
  },
  {
    name: 'next-page',
    section: 'Lanyard',
    text: 'The path of the next page says the same as the query of this one.',
    files: [`${defaults}/next-page.ts`],
  },
  {
    name: 'revocation-cursor',
    section: 'Lanyard',
    text: 'A cursor of the list of revocations is a number that was told, and no other text.',
    files: [`${server}/oauth/revocation/revocation-list.controller.ts`],
  },
  {
    name: 'foreign-jti',
    section: 'Lanyard',
    text: 'What is no identifier of a token of this server is told from those that are.',
    files: [`${server}/revoked-tokens/issued-tokens.ts`],
  },
  {
    name: 'secret-checksum',
    section: 'Lanyard',
    text: 'A generated secret that was cut or mistyped is told from one that is wrong.',
    files: [`${server}/registry/client-secret.ts`],
  },
  {
    name: 'secret-comparison',
    section: 'Lanyard',
    text: 'A secret matches its own digest and no other.',
    files: [`${server}/registry/client-secret.ts`],
  },
  {
    name: 'key-encryption',
    section: 'Lanyard',
    text: 'What is encrypted for the database is read with its key and in its context alone, and whole.',
    files: [`${server}/signing-keys/encryption.ts`],
  },
  {
    name: 'request-id',
    section: 'Lanyard',
    text: "A caller's `X-Request-Id` is kept where it is harmless.",
    files: [`${defaults}/logging/request-log.ts`],
  },
  {
    name: 'idempotency-key',
    section: 'Lanyard',
    text: 'An `Idempotency-Key` is visible ASCII, or refused.',
    files: [`${defaults}/problem/idempotency-key.ts`],
  },
  {
    name: 'configuration-round-trip',
    section: 'Lanyard',
    text: 'A variable holds what was written, or is refused.',
    files: [`${defaults}/configuration/read-configuration.ts`],
  },
  {
    name: 'registry-file',
    section: 'Lanyard',
    text: 'The registry file is read as it was written, or its faults are told with their lines.',
    files: ['libs/administration/src/registry-file.ts'],
  },
  {
    name: 'command-line-arguments',
    section: 'Lanyard',
    text: 'Durations, moments and numbers of the command line are read as they are written, and nothing is read as zero.',
    files: ['apps/lanyard-cli/src/arguments.ts', 'libs/command-line/src/positive.ts'],
  },
  {
    name: 'token-inspection',
    section: 'Lanyard',
    text: 'Whatever a token holds is shown as text, and obeyed by no terminal.',
    files: ['apps/lanyard-cli/src/commands/token.ts'],
  },
  {
    name: 'retry-after',
    section: 'RFC 9110 §10.2.3',
    text: 'A client waits as long as `Retry-After` says, in seconds or until a date, and half a minute at most.',
    files: ['libs/token-client/src/retry-after.ts'],
  },
  {
    name: 'csv-syntax',
    section: 'RFC 4180 §2',
    text: 'A CSV file is read as it was written, in whichever pieces it comes, or refused.',
    files: ['apps/batch-processor/src/summarize-csv/summarize-csv.ts'],
  },
  {
    name: 'column-types',
    section: 'Lanyard',
    text: 'The type of a column is that of its values, however long they are.',
    files: ['apps/batch-processor/src/summarize-csv/column-summary.ts'],
  },
  {
    name: 'exact-numbers',
    section: 'RFC 8259 §6',
    text: 'A number that a double would change travels as its digits: what is reported is in the file.',
    files: ['apps/batch-processor/src/summarize-csv/number-summary.ts', 'libs/jobs-contract/src/csv-summary.ts'],
  },
];

import type { Rule } from './rule.ts';

const server = 'apps/auth-server/src';
const defaults = 'libs/service-defaults/src';

/** Rules for everything that parses input: it either accepts or refuses it, in a time that depends on its length. */
export const parsers: readonly Rule[] = [
  {
    name: 'request-validation',
    section: 'Lanyard',
    text: 'A schema accepts or refuses bodies and queries, whatever they contain.',
    files: [`${defaults}/problem/invalid.ts`, 'libs/administration/src/text.ts', 'libs/jobs-contract/src/job.ts'],
  },
  {
    name: 'next-page',
    section: 'Lanyard',
    text: 'The path of the next page has the same query as the current page, except the cursor.',
    files: [`${defaults}/next-page.ts`],
  },
  {
    name: 'revocation-cursor',
    section: 'Lanyard',
    text: 'A cursor of the revocation list is a number that the server issued, and no other text.',
    files: [`${server}/oauth/revocation/revocation-list.controller.ts`],
  },
  {
    name: 'foreign-jti',
    section: 'Lanyard',
    text: 'An identifier that this server did not issue is distinguished from those that it did.',
    files: [`${server}/revoked-tokens/issued-tokens.ts`],
  },
  {
    name: 'secret-checksum',
    section: 'Lanyard',
    text: 'A generated secret that was truncated or mistyped is distinguished from one that is wrong.',
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
    text: 'A value that is encrypted for the database can be decrypted only as a whole, with its key and in its context.',
    files: [`${server}/signing-keys/encryption.ts`],
  },
  {
    name: 'request-id',
    section: 'Lanyard',
    text: "A caller's `X-Request-Id` is kept if it is harmless.",
    files: [`${defaults}/logging/request-log.ts`],
  },
  {
    name: 'idempotency-key',
    section: 'Lanyard',
    text: 'An `Idempotency-Key` that is not visible ASCII is refused.',
    files: [`${defaults}/problem/idempotency-key.ts`],
  },
  {
    name: 'configuration-round-trip',
    section: 'Lanyard',
    text: 'A variable is read exactly as it was written, or refused.',
    files: [`${defaults}/configuration/read-configuration.ts`],
  },
  {
    name: 'registry-file',
    section: 'Lanyard',
    text: 'The registry file is read exactly as it was written, or refused with the lines of its faults.',
    files: ['libs/administration/src/registry-file.ts'],
  },
  {
    name: 'command-line-arguments',
    section: 'Lanyard',
    text: 'Durations, times and numbers on the command line are read as they are written, and none is misread as zero.',
    files: ['apps/lanyard-cli/src/arguments.ts', 'libs/command-line/src/positive.ts'],
  },
  {
    name: 'token-inspection',
    section: 'Lanyard',
    text: 'The contents of a token are shown as text, and no terminal interprets them.',
    files: ['apps/lanyard-cli/src/commands/token.ts'],
  },
  {
    name: 'retry-after',
    section: 'RFC 9110 §10.2.3',
    text: 'A client waits as long as `Retry-After` says, in seconds or until a date, but at most half a minute.',
    files: ['libs/token-client/src/retry-after.ts'],
  },
  {
    name: 'csv-syntax',
    section: 'RFC 4180 §2',
    text: 'A CSV file is read as it was written, in whatever pieces it arrives, or refused.',
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
    text: 'A number that a double would change is sent as its digits: every reported number is in the file.',
    files: ['apps/batch-processor/src/summarize-csv/number-summary.ts', 'libs/jobs-contract/src/csv-summary.ts'],
  },
];

import { authorizationServer } from './rules/authorization-server.ts';
import { besides } from './rules/besides.ts';
import { everywhere } from './rules/everywhere.ts';
import { parsers } from './rules/parsers.ts';
import { resourceServer } from './rules/resource-server.ts';
import type { Rule } from './rules/rule.ts';

/** Everything that the project keeps to, under the headings of `docs/specifications.md`. */
export const rules: Readonly<Record<string, readonly Rule[]>> = {
  'Authorization server': authorizationServer,
  'Resource server': resourceServer,
  Everywhere: everywhere,
  'What is read': parsers,
  Besides: besides,
};

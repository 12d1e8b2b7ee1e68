import { authorizationServer } from './authorization-server.ts';
import { besides } from './other.ts';
import { everywhere } from './cross-cutting.ts';
import { parsers } from './parsers.ts';
import { resourceServer } from './resource-server.ts';
import type { Rule } from './rule.ts';

/** Everything that the project keeps to, under the headings of `docs/specifications.md`. */
export const rules: Readonly<Record<string, readonly Rule[]>> = {
  'Authorization server': authorizationServer,
  'Resource server': resourceServer,
  Everywhere: everywhere,
  'What is read': parsers,
  Besides: besides,
};

import { authorizationServer } from './authorization-server.ts';
import { other } from './other.ts';
import { crossCutting } from './cross-cutting.ts';
import { parsers } from './parsers.ts';
import { resourceServer } from './resource-server.ts';
import type { Rule } from './rule.ts';

/** Everything that the project keeps to, under the headings of `docs/specifications.md`. */
export const rules: Readonly<Record<string, readonly Rule[]>> = {
  'Authorization server': authorizationServer,
  'Resource server': resourceServer,
  'Cross-cutting': crossCutting,
  'What is read': parsers,
  Other: other,
};

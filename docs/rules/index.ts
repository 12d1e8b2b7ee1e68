import { authorizationServer } from './authorization-server.ts';
import { other } from './other.ts';
import { crossCutting } from './cross-cutting.ts';
import { parsers } from './parsers.ts';
import { resourceServer } from './resource-server.ts';
import type { Rule } from './rule.ts';

/** The rules that the project follows, under the headings of `docs/specifications.md`. */
export const rules: Readonly<Record<string, readonly Rule[]>> = {
  'Authorization server': authorizationServer,
  'Resource server': resourceServer,
  'Cross-cutting': crossCutting,
  Parsers: parsers,
  Other: other,
};

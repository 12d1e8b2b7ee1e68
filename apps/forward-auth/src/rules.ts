import { isScopeValue } from '@lanyard/oauth-protocol';
import { z } from 'zod';

/** What a request must bring to pass: an access token for the resource, with all of the scope values. */
export interface Rule {
  name: string;
  resource: string;
  scopes: readonly string[];
}

/** Lines of `name resource scope…`; empty lines and lines that begin with `#` are left out. */
export const rules = z.string().transform((text, context): Rule[] => {
  const found: Rule[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const [name, resource, ...scopes] = line.trim().split(/\s+/);
    if (!name || name.startsWith('#')) continue;
    const fault = faultOf(name, resource, scopes, found);
    if (fault) context.addIssue({ code: 'custom', message: `line ${index + 1}: ${fault}` });
    else found.push({ name, resource: resource!, scopes });
  }
  if (found.length === 0 && context.issues.length === 0) {
    context.addIssue({ code: 'custom', message: 'must have a line: name resource scope…' });
  }
  return found;
});

function faultOf(name: string, resource: string | undefined, scopes: string[], earlier: Rule[]): string | undefined {
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name))
    return 'a name must have 1 to 63 characters of a-z, 0-9, "_" and "-", the first a letter or digit';
  if (earlier.some((rule) => rule.name === name)) return 'the name is taken by an earlier line';
  if (resource === undefined) return 'the resource is missing';
  const url = URL.parse(resource);
  if (!url || !/^https?:$/.test(url.protocol) || resource.includes('#')) {
    return 'the resource must be an http(s) address without a fragment';
  }
  if (!scopes.every(isScopeValue)) return 'a scope value is malformed';
  return undefined;
}

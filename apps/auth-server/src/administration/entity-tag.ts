import { createHash } from 'node:crypto';
import { problemException } from '@lanyard/service-defaults';

/** A strong entity tag of a representation, RFC 9110 section 8.8.3. */
export function entityTagOf(representation: object): string {
  const digest = createHash('sha256').update(JSON.stringify(representation)).digest('base64url');
  return `"${digest.slice(0, 22)}"`;
}

/**
 * Refuses a change that was meant for another state, RFC 9110 section 13.1.1.
 * @param ifMatch         the header, if the caller sent one
 * @param representation  the current state, if it exists
 */
export function requireMatch(ifMatch: string | undefined, representation: object | undefined): void {
  if (ifMatch === undefined) return;
  const tags = new Set(ifMatch.split(',').map((tag) => tag.trim()));
  if (representation && (tags.has('*') || tags.has(entityTagOf(representation)))) return;
  throw problemException(412, 'changed-meanwhile', 'Changed meanwhile', {
    detail: 'the state has changed since If-Match: read it again, then change it',
  });
}

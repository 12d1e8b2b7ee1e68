/**
 * The syntax of client identifiers: a stricter form of RFC 6749 appendix A.1 that cannot be mistaken for a URL, a path,
 * a number or a subject of another kind (RFC 9700 section 4.15).
 */
const clientIdentifier = /^[A-Za-z][A-Za-z0-9._-]{0,127}$/;

export function isClientIdentifier(text: string): boolean {
  return clientIdentifier.test(text);
}

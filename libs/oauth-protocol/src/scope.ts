/** One scope value, RFC 6749 section 3.3: 1*( %x21 / %x23-5B / %x5D-7E ). */
const scopeValue = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

export function isScopeValue(text: string): boolean {
  return scopeValue.test(text);
}

/**
 * Splits a scope into its values, RFC 6749 section 3.3: single spaces separate them, and their order has no meaning.
 * @returns the distinct values, or undefined if the text is not a scope
 */
export function parseScope(scope: string): Set<string> | undefined {
  const values = scope.split(' ');
  return values.every(isScopeValue) ? new Set(values) : undefined;
}

/** The scope string of these values, in their order. */
export function formatScope(values: Iterable<string>): string {
  return [...values].join(' ');
}

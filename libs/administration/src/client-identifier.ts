import { createHash } from 'node:crypto';

/** The reasons why a text cannot be a client identifier, in the order in which they are checked. */
const faults: readonly [fault: RegExp, reason: string][] = [
  [/[^\x21-\x7E]/, 'must have only visible ASCII characters and no spaces, RFC 6749 appendix A.1'],
  [/^\.{1,2}$/, 'must not be "." or "..", which disappear from URLs'],
  [/^lanyard:/i, 'must not begin with "lanyard:", the prefix of the server itself in the audit log'],
  [/^lanyard_cs_/, 'must not begin with "lanyard_cs_", the prefix of client secrets'],
];
const longest = 255;

/**
 * The reason why a text cannot be a client identifier: the syntax of RFC 6749 appendix A.1, without what could be
 * mistaken for something else, RFC 9700 section 4.15.
 * @returns undefined if it can be one
 */
export function faultOfClientIdentifier(text: string): string | undefined {
  if (text === '' || text.length > longest) return `must have 1 to ${longest} characters`;
  return faults.find(([fault]) => fault.test(text))?.[1];
}

export const isClientIdentifier = (text: string): boolean => faultOfClientIdentifier(text) === undefined;

/** The most characters of a file name; file systems allow 255 bytes. */
const longestName = 200;

/**
 * The name of a client's folder below `SECRETS_DIRECTORY`: its identifier, percent-encoded except letters, digits, ".",
 * "_" and "-"; a "." at the beginning is encoded too. A long name is cut, and ends with the SHA-256 of the identifier.
 */
export function folderOfClient(clientId: string): string {
  const name = clientId.replaceAll(/[^A-Za-z0-9._-]|^\./g, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
  if (name.length <= longestName) return name;
  return `${name.slice(0, 120)}%-${createHash('sha256').update(clientId).digest('hex')}`;
}

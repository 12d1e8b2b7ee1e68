/** Patterns of secrets that no log may contain. All signing keys begin with the same bytes, in each encoding. */
const patterns: [kind: string, RegExp][] = [
  ['a client secret', /lanyard_cs_[\w-]{8,}/g],
  ['a client secret in base64', new RegExp(`(${inBase64('lanyard_cs_').join('|')})[\\w+/-]*`, 'g')],
  ['a JWT', /eyJ[\w-]{8,}\.[\w.-]{8,}/g],
  ['an ES256 signature', /(?<![\w-])[\w-]{86}(?![\w-])/g],
  ['a private key in PEM', /-----BEGIN [A-Z ]*PRIVATE KEY-----/g],
  ['a private key in DER', /MIGHAgEAMBMGByqGSM49|308187020100301306072a8648ce3d02/gi],
  ['a private key as JWK', /"d\\*"\s*:\s*\\*"[\w-]{43}\b/g],
  ['a bearer token', /\bBearer\s+[\w.~+/-]{20,}/gi],
  ['an assertion', /\bclient_assertion\\*"?\s*[=:]\s*\\*"?[\w.-]{8,}/g],
  ['a value that must not be logged', /\b(client_secret|access_token|password)\\*"?\s*[=:]\s*\\*"?[\w.+/-]{8,}/g],
];
const basic = /\bBasic\s+([\w+/-]{8,}=*)/gi;

export interface Finding {
  kind: string;
  /** the line around the match, without the match itself */
  line: string;
}

/** @param secrets  known secrets, searched for in plain text, percent-encoded, in hexadecimal and in base64 */
export function findSecrets(text: string, secrets: Iterable<string>): Finding[] {
  const found = patterns.flatMap(([kind, pattern]) =>
    [...text.matchAll(pattern)].map(({ 0: { length }, index }) => finding(text, kind, index, length)),
  );
  for (const match of text.matchAll(basic)) {
    // Credentials have a colon between name and secret; the challenge and prose do not.
    const { 0: whole, 1: credentials = '', index } = match;
    if (/^[\x20-\x7e]*:[\x20-\x7e]*$/.test(Buffer.from(credentials, 'base64').toString('latin1')))
      found.push(finding(text, 'Basic credentials', index, whole.length));
  }
  const bytes = Buffer.from(text);
  for (const form of new Set([...secrets].flatMap(formsOf))) {
    const index = bytes.indexOf(form);
    if (index >= 0) found.push(finding(bytes.toString('latin1'), 'a known secret', index, form.length));
  }
  return found;
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, encodeURIComponent(secret), bytes.toString('hex'), ...inBase64(secret)];
}

/** The base64 of a text at any offset, without the first and last characters, which depend on its neighbours. */
function inBase64(text: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.from(' '.repeat(before) + text).toString('base64');
    const own = encoded.slice(Math.ceil((before * 4) / 3), Math.floor(((before + text.length) * 4) / 3));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function finding(text: string, kind: string, index: number, length: number): Finding {
  const start = Math.max(text.lastIndexOf('\n', index) + 1, index - 200);
  const end = text.indexOf('\n', index + length);
  const after = text.slice(index + length, Math.min(end < 0 ? text.length : end, index + length + 200));
  return { kind, line: `${text.slice(start, index)}<here>${after}` };
}

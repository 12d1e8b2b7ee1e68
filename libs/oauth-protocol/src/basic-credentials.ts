/**
 * The value of `Authorization` for client_secret_basic; id and secret are form-encoded, RFC 6749 section 2.3.1. Unreserved
 * characters stay as they are, so that servers which decode nothing understand most credentials too.
 */
export function basicCredentials(clientId: string, clientSecret: string): string {
  const pair = `${formEncode(clientId)}:${formEncode(clientSecret)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

const formEncode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1).replaceAll('%7E', '~');

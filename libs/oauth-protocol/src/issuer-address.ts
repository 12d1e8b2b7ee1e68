/**
 * Where to send a request to the issuer if its name resolves to something else on this machine, as `localhost` does in
 * a container. Metadata, `iss` and `aud` are still checked against the issuer's own name.
 * @param url  a URL; returned unchanged unless it has the issuer's origin
 * @param issuerAddress  the origin at which the issuer can be reached
 */
export function resolveIssuerUrl(url: string, issuer: string, issuerAddress?: string): string {
  if (issuerAddress === undefined) return url;
  const { origin, pathname, search } = new URL(url);
  return origin === new URL(issuer).origin ? new URL(issuerAddress).origin + pathname + search : url;
}

/** Whether a request to this URL crosses the network unencrypted: it uses no TLS and leaves this host. */
export function isPlaintext(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol !== 'https:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

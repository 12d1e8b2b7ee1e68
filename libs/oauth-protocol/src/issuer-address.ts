/**
 * Where to send a request that is meant for the issuer, if its name leads elsewhere from here, as `localhost` does in a
 * container. Names stay what they are: metadata, `iss` and `aud` are checked against the issuer as ever.
 * @param url  an address; of the issuer's origin, or returned as it is
 * @param issuerAddress  the origin to reach the issuer at
 */
export function resolveIssuerUrl(url: string, issuer: string, issuerAddress?: string): string {
  if (issuerAddress === undefined) return url;
  const { origin, pathname, search } = new URL(url);
  return origin === new URL(issuer).origin ? new URL(issuerAddress).origin + pathname + search : url;
}

/** What is sent in the clear over the network, where others can read it: neither TLS nor within this host. */
export function isPlaintext(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol !== 'https:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

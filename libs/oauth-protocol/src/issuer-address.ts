import { authorizationServerMetadataPath } from './metadata.ts';

/**
 * Where to send a request to the issuer if its name resolves to something else on this machine, as `localhost` does in
 * a container. Metadata, `iss` and `aud` are still checked against the issuer's own name.
 * @param url  a URL; returned unchanged unless it has the issuer's origin
 * @param issuerAddress  the origin at which the issuer can be reached; with a path, that path replaces the issuer's
 */
export function resolveIssuerUrl(url: string, issuer: string, issuerAddress?: string): string {
  if (issuerAddress === undefined) return url;
  const { origin, pathname, search } = new URL(url);
  const named = new URL(issuer);
  const address = new URL(issuerAddress);
  if (origin !== named.origin) return url;
  const path = address.pathname === '/' ? pathname : moved(pathname, pathOf(named), pathOf(address));
  return address.origin + path + search;
}

const pathOf = ({ pathname }: URL): string => pathname.replace(/\/$/, '');

/** The path below another one than before; the path of metadata ends with that of its issuer, RFC 8414 section 3.1. */
function moved(path: string, from: string, to: string): string {
  if (path === authorizationServerMetadataPath + from) return authorizationServerMetadataPath + to;
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
}

/** Whether a request to this URL crosses the network unencrypted: it uses no TLS and leaves this host. */
export function isPlaintext(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol !== 'https:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

import { authorizationServerMetadataPath, openIdConfigurationPath } from '@lanyard/oauth-protocol';

/** What the server serves, without the path of its issuer. */
const own = /^\/(admin|oauth|\.well-known|docs|docs-json|docs-yaml)(\/|$)/;

/**
 * Removes the issuer's path from URLs, so that the server answers below its issuer, also behind a proxy that removes
 * the path already. The path of metadata ends with it, RFC 8414 section 3.1.
 * @returns undefined if the issuer has no path
 */
export function withoutIssuerPath(issuer: string): ((url: string) => string) | undefined {
  const { pathname: path } = new URL(issuer);
  if (path === '/') return undefined;
  const metadata = new Map(
    [authorizationServerMetadataPath, openIdConfigurationPath].map((wellKnown) => [wellKnown + path, wellKnown]),
  );
  return (absolute) => {
    // A request to a proxy has the whole URL, RFC 9112 section 3.2.2.
    const url = absolute.replace(/^https?:\/\/[^/?]*/i, '');
    const [requested = '', ...query] = url.split('?');
    const below = requested.startsWith(`${path}/`) ? requested.slice(path.length) : '';
    return [metadata.get(requested) ?? (own.test(below) ? below : requested), ...query].join('?');
  };
}

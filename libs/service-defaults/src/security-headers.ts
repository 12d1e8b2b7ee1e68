/** Nothing here is a page, but a browser may be pointed at it. */
export const harmless = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

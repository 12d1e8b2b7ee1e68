/** The scope and resource of a token. */
export interface TokenTarget {
  /** scope values, separated by spaces; default: those of the options, else the client's default scope */
  scope?: string;
  /** the protected resource, RFC 8707; default: that of the options */
  resource?: string;
}

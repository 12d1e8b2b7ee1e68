/** The introspection response, RFC 7662 section 2.2: only `active` for an inactive token. Times are in seconds. */
export type IntrospectionResponse =
  | { active: false }
  | {
      active: true;
      scope: string;
      client_id: string;
      token_type: 'Bearer';
      exp: number;
      iat: number;
      sub: string;
      aud: string | string[];
      iss: string;
      jti: string;
    };

/** The media type of a signed introspection response, RFC 9701 section 5, as in the `typ` header: no `application/`. */
export const introspectionResponseType = 'token-introspection+jwt';

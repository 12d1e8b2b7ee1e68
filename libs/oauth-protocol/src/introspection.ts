/** What introspection answers, RFC 7662 section 2.2: nothing but `active` where a token is not. Times are seconds. */
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

/** The media type of a signed introspection response, RFC 9701 section 5; in the `typ` header without `application/`. */
export const introspectionResponseType = 'token-introspection+jwt';

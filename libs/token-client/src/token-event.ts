/** What happened to the access tokens of a client; never a token or a secret. */
export type TokenEvent = { clientId: string; scope?: string; resource?: string } & (
  | { type: 'obtained'; granted: string; /** seconds */ expiresIn: number }
  | { type: 'renewal failed'; /** the code of the error */ error: string }
  | { type: 'dropped' }
);

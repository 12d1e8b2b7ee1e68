import type { TokenTarget } from './token-target.ts';

/** An event in the life of a client's access tokens; never holds a token or a secret. */
export type TokenEvent = { clientId: string } & TokenTarget &
  (
    | { type: 'obtained'; /** the scope of the response */ granted: string; /** seconds */ expiresIn: number }
    | { type: 'renewal-failed'; /** the code of the error */ error: string }
    | { type: 'dropped' }
  );

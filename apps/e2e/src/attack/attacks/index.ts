import type { Attack } from '../attack.ts';
import { administration } from './administration.ts';
import { algorithms } from './algorithms.ts';
import { bearerTokens } from './bearer.ts';
import { bodies } from './bodies.ts';
import { claims } from './claims.ts';
import { connections } from './connections.ts';
import { excess } from './excess.ts';
import { identity } from './identity.ts';
import { keys } from './keys.ts';
import { origin } from './origin.ts';
import { signatures } from './signatures.ts';
import { tokenRequests } from './token-requests.ts';
import { tokenTypes } from './token-types.ts';
import { uploads } from './uploads.ts';

/** All lessons, in the order in which they build on each other; those that make the server wary come last. */
export const lessons: Record<string, Attack[]> = {
  'The algorithm of a token': algorithms,
  'The key of a token': keys,
  'The signature of a token': signatures,
  'The type of a token': tokenTypes,
  'What a token says': claims,
  'How a token is presented': bearerTokens,
  'How a token is asked for': tokenRequests,
  'The connection': connections,
  'The body of a request': bodies,
  'What is uploaded': uploads,
  'The administration': administration,
  'Who is there': identity,
  'Where a request comes from': origin,
  'How much is asked for': excess,
};

import type { Attack } from './attack.ts';
import { administration } from './attacks/administration.ts';
import { administrators } from './attacks/administrators.ts';
import { algorithms } from './attacks/algorithms.ts';
import { bearerTokens } from './attacks/bearer.ts';
import { bodies } from './attacks/bodies.ts';
import { claims } from './attacks/claims.ts';
import { connections } from './attacks/connections.ts';
import { rateLimits } from './attacks/rate-limits.ts';
import { enumeration } from './attacks/enumeration.ts';
import { grants } from './attacks/grants.ts';
import { interoperation } from './attacks/interoperation.ts';
import { keys } from './attacks/keys.ts';
import { proxiesAndOrigins } from './attacks/proxies-and-origins.ts';
import { signatures } from './attacks/signatures.ts';
import { tokenRequests } from './attacks/token-requests.ts';
import { tokenTypes } from './attacks/token-types.ts';
import { uploads } from './attacks/uploads.ts';

/** All lessons, in the order in which they build on each other; those that cause throttling come last. */
export const lessons: Record<string, Attack[]> = {
  'The algorithm of a token': algorithms,
  'The key of a token': keys,
  'The signature of a token': signatures,
  'The type of a token': tokenTypes,
  'The claims of a token': claims,
  'How a token is presented': bearerTokens,
  'How a token is requested': [...tokenRequests, ...grants],
  'The connection': connections,
  'The body of a request': bodies,
  Uploads: uploads,
  Interoperation: interoperation,
  'The administration': [...administration, ...administrators],
  'Which clients exist': enumeration,
  'Where a request comes from': proxiesAndOrigins,
  'Rate limits': rateLimits,
};

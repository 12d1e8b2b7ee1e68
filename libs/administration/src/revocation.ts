import { z } from 'zod';
import { clientIdSchema } from './client.ts';
import { secretSchema } from './secret.ts';
import { momentSchema, nameSchema } from './text.ts';

/** A request to revoke: exactly one of these. */
export const newRevocationSchema = z.union(
  [
    z.strictObject({
      token: z.string().min(1).max(16_000).describe('one access token; an invalid one needs no revocation'),
    }),
    z.strictObject({
      jti: nameSchema.describe(
        'one access token, by its identifier as in the logs; requires all administrative scopes, since it does not name the client',
      ),
    }),
    z.strictObject({ client_id: clientIdSchema.describe('all access tokens that the client has now') }),
    z.strictObject({
      secret_id: secretSchema.shape.secret_id.describe('all access tokens that were obtained with this secret so far'),
    }),
  ],
  { error: 'must have exactly one of token, jti, client_id, secret_id' },
);
export type NewRevocation = z.infer<typeof newRevocationSchema>;

/** A revocation, as it is listed. */
export const revocationSchema = z.object({
  sequence: z.int().describe('grows with each revocation'),
  kind: z.enum(['jti', 'grant_id', 'kid']).describe('one token; all obtained under one grant; all that one key signed'),
  id: z.string(),
  client_id: z.string().nullable().describe('the client whose tokens are revoked; null: unknown, or all clients'),
  revoked_at: momentSchema,
  ends_at: momentSchema.describe('when the last token that it revokes has expired'),
});
export type RevocationDescription = z.infer<typeof revocationSchema>;

export const revocationPageSchema = z.object({
  items: z.array(revocationSchema),
  next: z.string().nullable().describe('the path of the next page, below the issuer'),
});
export type RevocationPage = z.infer<typeof revocationPageSchema>;

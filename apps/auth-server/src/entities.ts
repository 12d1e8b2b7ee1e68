import { IdempotentAnswer } from './administration/idempotent-answer.entity.ts';
import { AuditEventRow } from './audit/audit-event.entity.ts';
import { registryEntities } from './registry/registry.module.ts';
import { RevocationRow } from './revoked-tokens/revocation.entity.ts';
import { SigningKeyRow } from './signing-keys/signing-key.entity.ts';

/** All entities of the database. */
export const entities = [...registryEntities, SigningKeyRow, AuditEventRow, IdempotentAnswer, RevocationRow];

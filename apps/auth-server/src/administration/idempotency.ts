import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION, parseIdempotencyKey, problemException } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { bulk } from '../pools.ts';
import type { AuthServerConfiguration } from '../configuration.ts';
import { decrypt, encrypt } from '../signing-keys/encryption.ts';
import { IdempotentAnswer } from './idempotent-answer.entity.ts';
import { administrate } from './administrate.ts';
import type { Administrator } from './current-administrator.ts';

/** Handles a request once, however often it is sent with the same Idempotency-Key within an hour. */
@Injectable()
export class Idempotency {
  constructor(
    @InjectDataSource(bulk) private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  /**
   * @param key      the header, if the caller sent one
   * @param request  the request: the same key with another request is refused
   * @param permit   throws unless the administrator may have the answer, also when it is repeated
   * @param work     runs in the transaction that records its answer
   */
  async once<Answer>(
    administrator: Administrator,
    key: string | undefined,
    request: object,
    permit: (manager: EntityManager) => Promise<void>,
    work: (manager: EntityManager) => Promise<Answer>,
  ): Promise<{ answer: Answer; repeated: boolean }> {
    const { actor } = administrator;
    parseIdempotencyKey(key);
    const requestDigest = createHash('sha256').update(JSON.stringify(request)).digest();
    const context = JSON.stringify(['idempotent answer', actor, key]);
    return administrate(this.database, administrator, async (manager) => {
      await permit(manager);
      if (key === undefined) return { answer: await work(manager), repeated: false };
      const where = { actor, idempotencyKey: key };
      // A concurrent request with the same key waits here until the first has committed.
      const { raw } = await manager
        .createQueryBuilder()
        .insert()
        .into(IdempotentAnswer)
        .values({ ...where, requestDigest })
        .orIgnore()
        .returning(['actor'])
        .execute();
      if ((raw as object[]).length === 0) {
        const earlier = await manager.findOneByOrFail(IdempotentAnswer, where);
        return { answer: this.read(earlier, requestDigest, context) as Answer, repeated: true };
      }
      const answer = await work(manager);
      const encryptedAnswer = encrypt(
        Buffer.from(JSON.stringify(answer)),
        context,
        this.configuration.KEY_ENCRYPTION_KEY[0]!,
      );
      await manager.update(IdempotentAnswer, where, { encryptedAnswer });
      return { answer, repeated: false };
    });
  }

  private read(earlier: IdempotentAnswer, requestDigest: Buffer, context: string): unknown {
    if (!earlier.requestDigest.equals(requestDigest)) {
      throw problemException(422, 'idempotency-key-reused', 'The Idempotency-Key was used before', {
        detail: 'another request had this Idempotency-Key: choose a new one for each request',
      });
    }
    const decrypted = decrypt(
      earlier.encryptedAnswer ?? Buffer.alloc(29),
      context,
      this.configuration.KEY_ENCRYPTION_KEY,
    );
    if (!decrypted) {
      throw problemException(409, 'answer-lost', 'The request was handled before', {
        detail: 'the recorded answer cannot be decrypted any more, since the key encryption key was replaced',
      });
    }
    return JSON.parse(decrypted.plaintext.toString());
  }
}

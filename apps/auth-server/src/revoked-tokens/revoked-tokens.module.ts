import { Module } from '@nestjs/common';
import { ReplicasModule } from '../replicas/replicas.module.ts';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.ts';
import { IssuedTokens } from './issued-tokens.ts';
import { Revocations } from './revocations.ts';

@Module({
  imports: [ReplicasModule, SigningKeysModule],
  providers: [IssuedTokens, Revocations],
  exports: [IssuedTokens, Revocations],
})
export class RevokedTokensModule {}

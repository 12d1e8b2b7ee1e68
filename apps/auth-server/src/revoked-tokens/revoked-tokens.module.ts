import { Module } from '@nestjs/common';
import { ReplicasModule } from '../replicas/replicas.module.ts';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.ts';
import { IssuedTokens } from './issued-tokens.ts';
import { RevocationState } from './revocation-state.ts';

@Module({
  imports: [ReplicasModule, SigningKeysModule],
  providers: [IssuedTokens, RevocationState],
  exports: [IssuedTokens, RevocationState],
})
export class RevokedTokensModule {}

import { Module } from '@nestjs/common';
import { ClientAuthenticationModule } from '../client-authentication/client-authentication.module.ts';
import { RegistryModule } from '../registry/registry.module.ts';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.ts';
import { IssuedTokens } from './issued-tokens.ts';
import { RevocationController } from './revocation.controller.ts';
import { RevocationListController } from './revocation-list.controller.ts';
import { Revocations } from './revocations.ts';
import { RevocationWriter } from './revocation-writer.ts';

@Module({
  imports: [ClientAuthenticationModule, RegistryModule, SigningKeysModule],
  controllers: [RevocationController, RevocationListController],
  providers: [IssuedTokens, Revocations, RevocationWriter],
  exports: [IssuedTokens, Revocations],
})
export class RevocationModule {}

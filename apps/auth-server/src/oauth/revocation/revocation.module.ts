import { Module } from '@nestjs/common';
import { RevokedTokensModule } from '../../revoked-tokens/revoked-tokens.module.ts';
import { ClientAuthenticationModule } from '../client-authentication/client-authentication.module.ts';
import { RevocationController } from './revocation.controller.ts';
import { RevocationListController } from './revocation-list.controller.ts';
import { RevocationWriter } from './revocation-writer.ts';

@Module({
  imports: [ClientAuthenticationModule, RevokedTokensModule],
  controllers: [RevocationController, RevocationListController],
  providers: [RevocationWriter],
})
export class RevocationModule {}

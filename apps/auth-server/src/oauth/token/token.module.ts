import { Module } from '@nestjs/common';
import { ClientAuthenticationModule } from '../client-authentication/client-authentication.module.ts';
import { SigningKeysModule } from '../../signing-keys/signing-keys.module.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';
import { TokenController } from './token.controller.ts';

@Module({
  imports: [ClientAuthenticationModule, SigningKeysModule],
  controllers: [TokenController],
  providers: [ClientCredentialsGrant],
})
export class TokenModule {}

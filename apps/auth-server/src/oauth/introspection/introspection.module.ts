import { Module } from '@nestjs/common';
import { ClientAuthenticationModule } from '../client-authentication/client-authentication.module.ts';
import { RevokedTokensModule } from '../../revoked-tokens/revoked-tokens.module.ts';
import { SigningKeysModule } from '../../signing-keys/signing-keys.module.ts';
import { IntrospectionController } from './introspection.controller.ts';
import { Introspection } from './introspection.ts';

@Module({
  imports: [ClientAuthenticationModule, RevokedTokensModule, SigningKeysModule],
  controllers: [IntrospectionController],
  providers: [Introspection],
})
export class IntrospectionModule {}

import { Module } from '@nestjs/common';
import { FailureThrottle } from '../client-authentication/failure-throttle.ts';
import { RegistryModule } from '../registry/registry.module.ts';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';
import { TokenController } from './token.controller.ts';

@Module({
  imports: [RegistryModule, SigningKeysModule],
  controllers: [TokenController],
  providers: [ClientCredentialsGrant, FailureThrottle],
})
export class TokenModule {}

import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { FailureThrottle } from '../client-authentication/failure-throttle.ts';
import { OneTimeSecrets } from '../client-authentication/one-time-secrets.ts';
import { RegistryModule } from '../registry/registry.module.ts';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';
import { TokenController } from './token.controller.ts';

@Module({
  imports: [AuditModule, RegistryModule, SigningKeysModule],
  controllers: [TokenController],
  providers: [ClientCredentialsGrant, FailureThrottle, OneTimeSecrets],
})
export class TokenModule {}

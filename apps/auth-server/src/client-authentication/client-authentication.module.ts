import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { RegistryModule } from '../registry/registry.module.ts';
import { ClientAuthentication } from './client-authentication.ts';
import { FailureThrottle } from './failure-throttle.ts';
import { OneTimeSecrets } from './one-time-secrets.ts';

/** One for all endpoints that clients authenticate at, so that failures are counted together. */
@Module({
  imports: [AuditModule, RegistryModule],
  providers: [ClientAuthentication, FailureThrottle, OneTimeSecrets],
  exports: [AuditModule, ClientAuthentication, RegistryModule],
})
export class ClientAuthenticationModule {}

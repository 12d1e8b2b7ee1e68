import { Module } from '@nestjs/common';
import { AuditModule } from '../../audit/audit.module.ts';
import { RegistryModule } from '../../registry/registry.module.ts';
import { AuthenticationEvents } from './authentication-events.ts';
import { ClientAuthentication } from './client-authentication.ts';
import { ThrottlingModule } from '../../throttling/throttling.module.ts';
import { OneTimeSecrets } from './one-time-secrets.ts';

/** Shared by all endpoints at which clients authenticate, so that failures are counted together. */
@Module({
  imports: [AuditModule, RegistryModule, ThrottlingModule],
  providers: [AuthenticationEvents, ClientAuthentication, OneTimeSecrets],
  exports: [AuditModule, ClientAuthentication, RegistryModule, ThrottlingModule],
})
export class ClientAuthenticationModule {}

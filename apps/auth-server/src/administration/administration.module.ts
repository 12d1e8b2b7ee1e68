import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.ts';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.ts';
import { AuditController } from './audit/audit.controller.ts';
import { ClientsController } from './clients/clients.controller.ts';
import { Clients } from './clients/clients.ts';
import { DiagnosisController } from './diagnosis/diagnosis.controller.ts';
import { Diagnosis } from './diagnosis/diagnosis.ts';
import { Idempotency } from './idempotency.ts';
import { KeysController } from './keys/keys.controller.ts';
import { Keys } from './keys/keys.ts';
import { RegistryController } from './registry/registry.controller.ts';
import { ResourcesController } from './resources/resources.controller.ts';
import { Resources } from './resources/resources.ts';
import { RevokedTokensModule } from '../revoked-tokens/revoked-tokens.module.ts';
import { RevocationsController } from './revocations/revocations.controller.ts';
import { RevocationAdministration } from './revocations/revocation-administration.ts';
import { SecretsController } from './secrets/secrets.controller.ts';
import { Secrets } from './secrets/secrets.ts';

@Module({
  imports: [RegistryModule, RevokedTokensModule, SigningKeysModule],
  controllers: [
    AuditController,
    SecretsController,
    ClientsController,
    DiagnosisController,
    KeysController,
    RegistryController,
    ResourcesController,
    RevocationsController,
  ],
  providers: [Clients, Diagnosis, Idempotency, Keys, Resources, Secrets, RevocationAdministration],
})
export class AdministrationModule {}

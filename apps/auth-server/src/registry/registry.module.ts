import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ReplicasModule } from '../replicas/replicas.module.ts';
import { ClientRegistry } from './client-registry.ts';
import { Client, ClientSecret, ClientSecretUse, RemovedClientSecret } from './client.entity.ts';
import { ProtectedResource, Scope } from './protected-resource.entity.ts';
import { ProtectedResources } from './protected-resources.ts';
import { ReservedIdentifiers } from './reserved-identifiers.ts';
import { SecretAges } from './secret-ages.ts';
import { SecretUses } from './secret-uses.ts';

export const registryEntities = [Client, ClientSecret, ClientSecretUse, RemovedClientSecret, ProtectedResource, Scope];

@Module({
  imports: [ReplicasModule, TypeOrmModule.forFeature(registryEntities)],
  providers: [ClientRegistry, ProtectedResources, ReservedIdentifiers, SecretAges, SecretUses],
  exports: [ClientRegistry, ProtectedResources, ReservedIdentifiers, SecretAges, SecretUses],
})
export class RegistryModule {}

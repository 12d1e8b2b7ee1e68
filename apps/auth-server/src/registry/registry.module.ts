import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ClientRegistry } from './client-registry.ts';
import { Client, ClientSecret } from './client.entity.ts';
import { ProtectedResource, Scope } from './protected-resource.entity.ts';
import { ProtectedResources } from './protected-resources.ts';
import { RegistryChanges } from './registry-changes.ts';

export const registryEntities = [Client, ClientSecret, ProtectedResource, Scope];

@Module({
  imports: [TypeOrmModule.forFeature(registryEntities)],
  providers: [RegistryChanges, ClientRegistry, ProtectedResources],
  exports: [RegistryChanges, ClientRegistry, ProtectedResources],
})
export class RegistryModule {}

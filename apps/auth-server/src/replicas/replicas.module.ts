import { Module } from '@nestjs/common';
import { Notifications } from './notifications.ts';
import { RegistryChanges } from './registry-changes.ts';
import { ReplicaBroadcast } from './replica-broadcast.ts';

/** Communication between replicas: each receives what the others write, and publishes what it counts. */
@Module({
  providers: [Notifications, RegistryChanges, ReplicaBroadcast],
  exports: [RegistryChanges, ReplicaBroadcast],
})
export class ReplicasModule {}

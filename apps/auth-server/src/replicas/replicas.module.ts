import { Module } from '@nestjs/common';
import { Notifications } from './notifications.ts';
import { RegistryChanges } from './registry-changes.ts';
import { ReplicaBroadcast } from './replica-broadcast.ts';

/** What multiplies with replicas: each hears what the others write, and tells them what it counts. */
@Module({
  providers: [Notifications, RegistryChanges, ReplicaBroadcast],
  exports: [RegistryChanges, ReplicaBroadcast],
})
export class ReplicasModule {}

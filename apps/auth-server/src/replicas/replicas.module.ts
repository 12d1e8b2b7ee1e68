import { Module } from '@nestjs/common';
import { Notifications } from './notifications.ts';
import { RegistryChanges } from './registry-changes.ts';
import { ReplicaNews } from './replica-news.ts';

/** What multiplies with replicas: each hears what the others write, and tells them what it counts. */
@Module({
  providers: [Notifications, RegistryChanges, ReplicaNews],
  exports: [RegistryChanges, ReplicaNews],
})
export class ReplicasModule {}

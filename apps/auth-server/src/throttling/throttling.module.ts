import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { NotificationsModule } from '../notifications/notifications.module.ts';
import { ClientQuotas } from './client-quotas.ts';
import { DelayedRequests } from './delayed-requests.ts';
import { FailureThrottle } from './failure-throttle.ts';
import { FairTurns } from './fair-turns.ts';
import { ReplicaNews } from './replica-news.ts';
import { Throttling } from './throttling.ts';

@Module({
  imports: [AuditModule, NotificationsModule],
  providers: [ClientQuotas, DelayedRequests, FailureThrottle, FairTurns, ReplicaNews, Throttling],
  exports: [ClientQuotas, DelayedRequests, FailureThrottle, FairTurns, Throttling],
})
export class ThrottlingModule {}

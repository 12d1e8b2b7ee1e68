import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { ReplicasModule } from '../replicas/replicas.module.ts';
import { ClientQuotas } from './client-quotas.ts';
import { DelayedRequests } from './delayed-requests.ts';
import { FailureThrottle } from './failure-throttle.ts';
import { ClientFairness } from './client-fairness.ts';
import { Throttling } from './throttling.ts';

@Module({
  imports: [AuditModule, ReplicasModule],
  providers: [ClientQuotas, DelayedRequests, FailureThrottle, ClientFairness, Throttling],
  exports: [ClientQuotas, DelayedRequests, FailureThrottle, ClientFairness, Throttling],
})
export class ThrottlingModule {}

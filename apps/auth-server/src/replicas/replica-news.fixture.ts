import { setTimeout as sleep } from 'node:timers/promises';
import { Management } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ReplicaNews } from './replica-news.ts';

export async function waitUntilListening(replica: NestFastifyApplication): Promise<void> {
  const state = async () =>
    (await replica.get(Management).inject('/health/ready')).json().details['registry changes'].status;
  while ((await state()) !== 'up') await sleep(20);
}

/** Until what one replica has counted is known to the other. */
export async function spread(from: NestFastifyApplication, to: NestFastifyApplication): Promise<void> {
  const last = [['', 1]] as [string, number][];
  const arrived = Promise.withResolvers<void>();
  from.get(ReplicaNews).share('last', { collect: () => last.splice(0), take: () => undefined });
  to.get(ReplicaNews).share('last', { collect: () => [], take: () => arrived.resolve() });
  await from.get(ReplicaNews).tell();
  await arrived.promise;
}

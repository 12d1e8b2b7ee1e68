import { setTimeout as sleep } from 'node:timers/promises';
import { Management } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ReplicaBroadcast } from './replica-broadcast.ts';

export async function waitUntilListening(replica: NestFastifyApplication): Promise<void> {
  const state = async () =>
    (await replica.get(Management).inject('/health/ready')).json().details['registry changes'].status;
  while ((await state()) !== 'up') await sleep(20);
}

/** Waits until one replica knows what the other has counted. */
export async function spread(from: NestFastifyApplication, to: NestFastifyApplication): Promise<void> {
  const last = [['', 1]] as [string, number][];
  const arrived = Promise.withResolvers<void>();
  from.get(ReplicaBroadcast).register('last', { collect: () => last.splice(0), apply: () => undefined });
  to.get(ReplicaBroadcast).register('last', { collect: () => [], apply: () => arrived.resolve() });
  await from.get(ReplicaBroadcast).publish();
  await arrived.promise;
}

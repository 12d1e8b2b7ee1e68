import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { Readiness } from './health.module.ts';
import { resourceServerHealth } from './resource-server-health.ts';

type Policy = 'accept' | 'introspect' | 'refuse';

/** What readiness and metrics say of a resource server in this state. */
async function told(silence: number, whenSilent: Policy, { available = true, wasAskedFor = true } = {}) {
  const [readiness, metrics] = [new Readiness(), new Registry()];
  const { module } = resourceServerHealth(Object as never, Object as never);
  const revocations = { size: 3, silence, isSilent: silence > 60, whenSilent, wasAskedFor };
  const health = new (module as new (...dependencies: unknown[]) => { onModuleInit(): void })(
    { available },
    revocations,
    readiness,
    metrics,
  );
  health.onModuleInit();
  const check = async (name: string) =>
    readiness.checks.get(name)!().then(
      (outcome) => outcome?.degraded ?? 'up',
      (error: unknown) => `down: ${(error as Error).message}`,
    );
  const metric = async (name: string) =>
    Number(new RegExp(`^lanyard_revocation_list_${name} (.+)$`, 'm').exec(await metrics.metrics())?.[1]);
  return {
    keys: await check('keys'),
    revocations: await check('revocations'),
    metrics: [await metric('entries'), await metric('silence_seconds'), await metric('silent')],
  };
}

describe('resourceServerHealth', () => {
  it('is up while revocations are heard of', async () => {
    expect(await told(5, 'accept')).toEqual({ keys: 'up', revocations: 'up', metrics: [3, 5, 0] });
  });

  it.each<[Policy, string]>([
    ['accept', 'nothing was heard of revocations for 61 s: tokens are accepted until they expire'],
    ['introspect', 'nothing was heard of revocations for 61 s: tokens are introspected'],
    ['refuse', 'down: nothing was heard of revocations for 61 s'],
  ])('says what the policy to %s does in silence', async (policy, revocations) => {
    expect(await told(61, policy)).toEqual({ keys: 'up', revocations, metrics: [3, 61, 1] });
  });

  it('is down until there are keys, and the list was asked for', async () => {
    const start = await told(Number.POSITIVE_INFINITY, 'accept', { available: false, wasAskedFor: false });
    expect([start.keys, start.revocations]).toEqual([
      'down: the authorization server has not given its keys yet',
      'down: the list of revocations was not asked for yet',
    ]);
    expect((await told(Number.POSITIVE_INFINITY, 'accept')).revocations).toMatch(/^nothing was heard .* so far/);
  });
});

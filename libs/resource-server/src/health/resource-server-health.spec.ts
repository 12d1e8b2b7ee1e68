import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { resourceServerHealth } from './resource-server-health.ts';

type Policy = 'accept' | 'introspect' | 'refuse';

type Check = () => Promise<{ degraded?: string } | void>;

/** The readiness and metrics of a resource server in this state. */
async function healthOf(staleness: number, whenStale: Policy, { available = true, wasRequested = true } = {}) {
  const checks = new Map<string, Check>();
  const readiness = { require: (name: string, check: Check) => void checks.set(name, check) };
  const metrics = new Registry();
  const { module } = resourceServerHealth(Object as never, Object as never);
  const revocations = { size: 3, staleness, isStale: staleness > 60, whenStale, wasRequested };
  const health = new (module as new (...dependencies: unknown[]) => { onModuleInit(): void })(
    { available },
    revocations,
    readiness,
    metrics,
  );
  health.onModuleInit();
  const check = async (name: string) =>
    checks.get(name)!().then(
      (outcome) => outcome?.degraded ?? 'up',
      (error: unknown) => `down: ${(error as Error).message}`,
    );
  const metric = async (name: string) =>
    Number(new RegExp(`^lanyard_revocation_list_${name} (.+)$`, 'm').exec(await metrics.metrics())?.[1]);
  return {
    keys: await check('keys'),
    revocations: await check('revocations'),
    metrics: [await metric('entries'), await metric('staleness_seconds'), await metric('stale')],
  };
}

describe('resourceServerHealth', () => {
  it('is up while the revocation list is current', async () => {
    expect(await healthOf(5, 'accept')).toEqual({ keys: 'up', revocations: 'up', metrics: [3, 5, 0] });
  });

  it.each<[Policy, string]>([
    ['accept', 'the revocation list was last current 61 s ago: tokens are accepted until they expire'],
    ['introspect', 'the revocation list was last current 61 s ago: tokens are introspected'],
    ['refuse', 'down: the revocation list was last current 61 s ago'],
  ])('describes the effect of the policy to %s while the list is stale', async (policy, revocations) => {
    expect(await healthOf(61, policy)).toEqual({ keys: 'up', revocations, metrics: [3, 61, 1] });
  });

  it('is down until there are keys, and the list was requested', async () => {
    const start = await healthOf(Number.POSITIVE_INFINITY, 'accept', { available: false, wasRequested: false });
    expect([start.keys, start.revocations]).toEqual([
      'down: the keys of the authorization server have not been fetched yet',
      'down: the revocation list has not been requested yet',
    ]);
    expect((await healthOf(Number.POSITIVE_INFINITY, 'accept')).revocations).toMatch(/has never been current: /);
  });
});

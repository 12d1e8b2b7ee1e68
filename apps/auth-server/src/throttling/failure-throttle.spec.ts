import { afterEach, expect, it, jest } from '@jest/globals';
import { FailureThrottle } from './failure-throttle.ts';
import type { ReplicaBroadcast, Topic } from '../replicas/replica-broadcast.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

/** A throttle, and what it publishes. */
function aThrottle() {
  const topics = new Map<string, Topic>();
  const broadcast = { register: (name: string, topic: Topic) => void topics.set(name, topic) };
  const throttle = new FailureThrottle(broadcast as unknown as ReplicaBroadcast);
  return { throttle, published: (name: string) => [...(topics.get(name)?.collect() ?? [])] };
}

it('publishes again where a client authenticated, before the other replicas forget it', () => {
  const { throttle, published } = aThrottle();
  let now = Date.now();
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  let [pause, longest] = [0, 0];
  for (let minute = 0; minute < 120; minute += 1, now += 60_000) {
    throttle.succeeded('porter', '198.51.100.1');
    pause = published('trusted').length > 0 ? 0 : pause + 1;
    longest = Math.max(longest, pause);
  }
  expect(longest).toBeGreaterThan(5);
  expect(longest).toBeLessThan(30);
});

it('publishes as many places at a time as one statement takes, and the others later', () => {
  const { throttle, published } = aThrottle();
  for (let i = 0; i < 2500; i++) throttle.succeeded(`client-${i}`, '198.51.100.1');
  expect([published('trusted').length, published('trusted').length, published('trusted').length]).toEqual([
    1000, 1000, 500,
  ]);
});

it('publishes no identifier as it was presented', () => {
  const { throttle, published } = aThrottle();
  for (let i = 0; i < 12; i++) throttle.failed('lanyard_cs_hush', '198.51.100.1');
  throttle.succeeded('lanyard_cs_hush', '198.51.100.1');
  const all = JSON.stringify([
    published('failures per client'),
    published('failures per address'),
    published('trusted'),
  ]);
  expect(all).toMatch(/"[\w-]{22}",1[0-9]/);
  expect(all).not.toContain('hush');
  expect(all).not.toContain('198.51');
});

it('distinguishes clients whose long identifiers begin alike', () => {
  const { throttle } = aThrottle();
  const address = '198.51.100.1';
  const ids = [250, 300].flatMap((length) => ['a', 'b'].map((end) => `https://${'x'.repeat(length - 9)}${end}`));
  for (const id of ids) {
    throttle.succeeded(id, address);
    expect(ids.filter((other) => throttle.authenticatedRecently(other, address))).toEqual(
      ids.slice(0, ids.indexOf(id) + 1),
    );
  }
});

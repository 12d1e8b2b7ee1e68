import { afterEach, expect, it, jest } from '@jest/globals';
import { FailureThrottle } from './failure-throttle.ts';
import type { ReplicaNews, Topic } from '../replicas/replica-news.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

/** A throttle, and what it shares. */
function aThrottle() {
  const topics = new Map<string, Topic>();
  const news = { share: (name: string, topic: Topic) => void topics.set(name, topic) } as unknown as ReplicaNews;
  return { throttle: new FailureThrottle(news), told: (name: string) => [...(topics.get(name)?.collect() ?? [])] };
}

it('tells others again and again where a client is at home, before they forget', () => {
  const { throttle, told } = aThrottle();
  let now = Date.now();
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  let [silence, longest] = [0, 0];
  for (let minute = 0; minute < 120; minute += 1, now += 60_000) {
    throttle.succeeded('porter', '198.51.100.1');
    silence = told('trusted').length > 0 ? 0 : silence + 1;
    longest = Math.max(longest, silence);
  }
  expect(longest).toBeGreaterThan(5);
  expect(longest).toBeLessThan(30);
});

it('tells of as many places at a time as one statement takes, and of the others later', () => {
  const { throttle, told } = aThrottle();
  for (let i = 0; i < 2500; i++) throttle.succeeded(`client-${i}`, '198.51.100.1');
  expect([told('trusted').length, told('trusted').length, told('trusted').length]).toEqual([1000, 1000, 500]);
});

it('tells nobody what a caller calls itself', () => {
  const { throttle, told } = aThrottle();
  for (let i = 0; i < 12; i++) throttle.failed('lanyard_cs_hush', '198.51.100.1');
  throttle.succeeded('lanyard_cs_hush', '198.51.100.1');
  const all = JSON.stringify([told('failures per client'), told('failures per address'), told('trusted')]);
  expect(all).toMatch(/"[\w-]{22}",1[0-9]/);
  expect(all).not.toContain('hush');
  expect(all).not.toContain('198.51');
});

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { repeat } from './repeat.ts';

it('repeats work, one run at a time, whether it fails or not, until it is stopped', async () => {
  let [running, atOnce, done] = [0, 0, 0];
  const failures: unknown[] = [];
  const enough = Promise.withResolvers<void>();
  const stop = repeat(
    () => 1,
    async () => {
      running += 1;
      atOnce = Math.max(atOnce, running);
      await sleep(5);
      running -= 1;
      done += 1;
      if (done === 2) throw new Error('once');
      if (done === 5) enough.resolve();
    },
    (error) => failures.push(error),
  );
  await enough.promise;
  stop();
  await sleep(10);
  const sofar = done;
  await sleep(30);
  expect([atOnce, done, failures.length]).toEqual([1, sofar, 1]);
});

import { setImmediate as endOfTurn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { ClientFairness } from './client-fairness.ts';

it('lets a client that comes after a storm wait for one share of it alone', async () => {
  const turns = new ClientFairness();
  const order: string[] = [];
  const request = async (client: string) => {
    await turns.turnOf(client);
    order.push(client);
  };
  const storm = Array.from({ length: 100 }, () => request('storm'));
  await endOfTurn();
  const late = request('late');
  await Promise.all([...storm, late]);
  expect(order.indexOf('late')).toBe(64);
  expect(order).toHaveLength(101);
});

it('makes nobody wait who does not storm', () => {
  const turns = new ClientFairness();
  expect(Array.from({ length: 32 }, () => turns.turnOf('a')).every((turn) => turn === undefined)).toBe(true);
  expect(turns.turnOf('a')).toBeInstanceOf(Promise);
  expect(turns.turnOf('b')).toBeUndefined();
});

import { setImmediate as endOfTurn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { ClientFairness } from './client-fairness.ts';

it('makes a client that comes after a burst wait for only one share of it', async () => {
  const turns = new ClientFairness();
  const order: string[] = [];
  const request = async (client: string) => {
    await turns.turnOf(client);
    order.push(client);
  };
  const burst = Array.from({ length: 100 }, () => request('burst'));
  await endOfTurn();
  const late = request('late');
  await Promise.all([...burst, late]);
  expect(order.indexOf('late')).toBe(64);
  expect(order).toHaveLength(101);
});

it('does not make a client wait without a burst', () => {
  const turns = new ClientFairness();
  expect(Array.from({ length: 32 }, () => turns.turnOf('a')).every((turn) => turn === undefined)).toBe(true);
  expect(turns.turnOf('a')).toBeInstanceOf(Promise);
  expect(turns.turnOf('b')).toBeUndefined();
});

import { describe, expect, it } from '@jest/globals';
import { registryApplicationSchema, registryLimits } from './registry-changes.ts';

const { clients, resources, scopes } = registryLimits;
const many = <T>(count: number, item: (index: number) => T) => Array.from({ length: count }, (_, i) => item(i));

describe('a registry to apply', () => {
  it('may be as large as the limits say', () => {
    const registry = {
      resources: many(resources, (i) => ({ identifier: `https://${i}.example`, name: 'R', scopes: {} })),
      clients: many(clients, (i) => ({ client_id: `client-${i}` })),
    };
    expect(registryApplicationSchema.safeParse({ registry }).success).toBe(true);
  });

  it.each([
    ['more clients', { clients: many(clients + 1, (i) => i) }, 'clients', `has more than ${clients} clients`],
    [
      'more resources',
      { resources: many(resources + 1, (i) => i) },
      'resources',
      `has more than ${resources} resources`,
    ],
    [
      'more scopes',
      {
        resources: many(11, (i) => ({
          scopes: Object.fromEntries(many(1000, (j) => [`${i}:${j}`, 'x'])),
        })),
      },
      'resources',
      `has more than ${scopes} scopes`,
    ],
  ])(
    'is refused with %s before anything in it is validated [registry-size, Lanyard]',
    (_, registry, field, message) => {
      const { error } = registryApplicationSchema.safeParse({ registry });
      expect(error!.issues).toEqual([expect.objectContaining({ path: ['registry', field], message })]);
    },
  );

  it('is not validated further where a scope in it is too long [registry-size, Lanyard]', () => {
    const scope = many(40_000, (i) => `no:${i}`).join(' ');
    const registry = { clients: [{ client_id: 'a', scope, default_scope: `${scope}"` }] };
    const { error } = registryApplicationSchema.safeParse({ registry });
    expect(error!.issues.map(({ code, path }) => [code, path.at(-1)])).toEqual([
      ['too_big', 'scope'],
      ['too_big', 'default_scope'],
    ]);
  });

  it.each([
    undefined,
    null,
    1,
    'x',
    [],
    { clients: 5 },
    { clients: { length: 6000 } },
    { resources: [null, 1, { scopes: 'x' }] },
  ])('may be nonsense: %j', (registry) => {
    expect(registryApplicationSchema.safeParse({ registry }).success).toBe(false);
  });
});

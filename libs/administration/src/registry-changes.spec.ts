import { describe, expect, it } from '@jest/globals';
import { registryApplicationSchema, registryLimits } from './registry-changes.ts';

const { clients, resources, values } = registryLimits;
const many = (count: number, item: (index: number) => unknown) => Array.from({ length: count }, (_, i) => item(i));

describe('a registry that is to be applied', () => {
  it('may be as large as it says', () => {
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
      'longer lists',
      { clients: [{ resource_server_of: many(values, (i) => i) }] },
      '',
      `has more than ${values} values`,
    ],
    [
      'more scopes',
      { resources: [{ scopes: Object.fromEntries(many(values, (i) => [`s${i}`, 'x']) as [string, string][]) }] },
      '',
      `has more than ${values} values`,
    ],
  ])(
    'is refused with %s before anything in it is validated [registry-size, Lanyard]',
    (_, registry, field, message) => {
      const { error } = registryApplicationSchema.safeParse({ registry });
      const path = ['registry', field].filter(Boolean);
      expect(error!.issues.map(({ path, message }) => ({ path, message }))).toEqual([{ path, message }]);
    },
  );

  it.each([undefined, null, 1, 'x', [], { clients: 5 }, { clients: { length: 6000 } }])(
    'may be nonsense: %j',
    (registry) => {
      expect(registryApplicationSchema.safeParse({ registry }).success).toBe(false);
    },
  );
});

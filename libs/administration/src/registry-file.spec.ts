import { describe, expect, it } from '@jest/globals';
import { parseRegistryFile, registryJsonSchema } from './registry-file.ts';

const parse = (text: string, environment = {}) =>
  parseRegistryFile(text, 'lanyard.yaml', environment, 'https://issuer.example');

describe('a registry file', () => {
  it('is read with its defaults, and with addresses from the environment', () => {
    const text = `
resources:
  - identifier: \${API:-https://api.example}
    name: API
    scopes: { api:read: Read }
clients:
  - client_id: reader
    scope: api:read
`;
    expect(parse(text)).toEqual({
      resources: [
        {
          identifier: 'https://api.example',
          name: 'API',
          scopes: { 'api:read': 'Read' },
          access_token_lifetime: null,
          access_token_typ: 'at+jwt',
        },
      ],
      clients: [
        {
          client_id: 'reader',
          grant_types: ['client_credentials'],
          scope: 'api:read',
          default_scope: '',
          resource_server_of: [],
          access_token_lifetime: null,
          tokens_per_minute: null,
        },
      ],
    });
    expect(parse(text, { API: 'https://other.example' }).resources[0]?.identifier).toBe('https://other.example');
    expect(parse('')).toEqual({ resources: [], clients: [] });
  });

  it.each([
    ['an unknown key', 'clients:\n  - client_id: a\n    colour: blue', ['3: clients.0.colour: is not a known field']],
    ['an unknown key at the top', 'clients: []\nclient: []', ['2: client: is not a known field']],
    [
      'a missing field',
      'resources:\n  - name: A\n    scopes: {}',
      ['2: resources.0.identifier: must be an http(s) address'],
    ],
    [
      'a wrong type',
      'clients:\n  - client_id: a\n    access_token_lifetime: ten',
      [/^3: clients.0.access_token_lifetime: /],
    ],
    [
      'an invalid scope value',
      'resources:\n  - identifier: https://a\n    name: A\n    scopes:\n      "a b": x',
      ['5: resources.0.scopes.a b: must be a scope value'],
    ],
    [
      'a client that is declared twice',
      'clients:\n  - client_id: a\n  - client_id: b\n  - client_id: a',
      ['4: clients.2.client_id: client a is declared twice'],
    ],
    [
      'a default scope that exceeds the scope',
      'clients:\n  - client_id: a\n\n    default_scope: keys:read',
      ['4: clients.0.default_scope: client a: has values that are not in scope: keys:read'],
    ],
    [
      'a scope of two resources',
      'resources:\n  - {identifier: "https://a", name: A, scopes: {x: X}}\n  - {identifier: "https://b", name: B, scopes: {x: X}}',
      ['3: resources.1.scopes.x: the scope x belongs to two resources'],
    ],
    [
      'an administrative scope',
      'resources:\n  - identifier: https://a\n    name: A\n    scopes:\n      keys:rotate: mine',
      ['5: resources.0.scopes.keys:rotate: the scope keys:rotate belongs to administration'],
    ],
    [
      'an identifier of the authorization server',
      'resources:\n  - {identifier: "https://a", name: A, scopes: {}}\n  - name: B\n    identifier: https://issuer.example/admin\n    scopes: {}',
      ['4: resources.1.identifier: https://issuer.example/admin belongs to the authorization server itself'],
    ],
    [
      'a variable that is not set',
      '\n\nclients: [{client_id: "${WHO}"}]',
      ['3: ${WHO}: WHO is not set, and has no default there'],
    ],
    ['invalid YAML', 'clients:\n  - client_id: [', [/^2: /]],
    ['a repeated key', 'clients: []\nclients: []', ['2: Map keys must be unique']],
    ['several faults', 'clients:\n  - client_id: 1\n  - client_id: b\n    scope: x', [/^2: clients.0.client_id: /]],
  ])('is refused with the line of %s', (_, text, faults) => {
    const expected = faults.map((fault) =>
      typeof fault === 'string'
        ? `lanyard.yaml:${fault}`
        : expect.stringMatching(new RegExp(`^lanyard.yaml:${fault.source.slice(1)}`)),
    );
    let message = '';
    try {
      parse(text);
    } catch (error) {
      ({ message } = error as Error);
    }
    expect(message.split('\n').slice(0, faults.length)).toEqual(expected);
  });

  it.each([
    ['wrong clients', `clients:\n${'  - client_id: 1\n'.repeat(5000)}`, '101: clients.99.client_id: '],
    [
      'clients that are declared twice',
      `clients:\n${'  - client_id: a\n'.repeat(5000)}`,
      '102: clients.100.client_id: ',
    ],
    [
      'unknown keys',
      Array.from({ length: 5000 }, (_, i) => `key-${i}: 1`).join('\n'),
      '100: key-99: is not a known field',
    ],
    ['indents', `clients:\n${'  \t- a\n'.repeat(5000)}`, ''],
  ])('is refused with a hundred lines where there are many %s [bounded-faults, Lanyard]', (_, text, last) => {
    let lines: string[] = [];
    try {
      parse(text);
    } catch (error) {
      lines = (error as Error).message.split('\n');
    }
    expect(lines).toHaveLength(101);
    expect(lines[99]).toMatch(`lanyard.yaml:${last}`);
    expect(lines[100]).toBe('lanyard.yaml: there are more faults, which are not listed');
  });

  it('is refused if its aliases multiply without end', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++) {
      const [name, before] = [String.fromCodePoint(97 + i), String.fromCodePoint(96 + i)];
      bomb.push(`${name}: &${name} [${Array<string>(9).fill(`*${before}`).join(', ')}]`);
    }
    expect(() => parse(bomb.join('\n'))).toThrow(/lanyard.yaml: Excessive alias count/);
  });

  it('has a JSON Schema with the same rules', () => {
    expect(registryJsonSchema()).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      additionalProperties: false,
      properties: {
        clients: { items: { required: ['client_id'], additionalProperties: false } },
        resources: { items: { required: ['name', 'scopes', 'identifier'] } },
      },
    });
  });
});

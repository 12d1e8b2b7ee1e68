import { describe, expect, it } from '@jest/globals';
import { read, secretiveBetween, testConfiguration } from '@lanyard/service-defaults/configuration.fixture';
import fc from 'fast-check';
import { forwardAuthConfiguration as schema } from './configuration.ts';

const line = 'orders https://a.example a:read';
const sound = { CLIENT_SECRET_FILE: '/run/secret', RULES: line };

testConfiguration('the configuration of forward-auth', {
  schema,
  sound,
  secretive: secretiveBetween(
    ['https://a.example/', 'https://', '1', 'a https://', '::1,', 'info'],
    ['@h/n', '/', ' x'],
  ),
  right: fc.constantFrom('', ' ', '1', '80', 'true', 'info', 'https://a.example', line),
  pieces: [' ', 'a', 'a ', '\n', `${line}\n`, '#', '/', ':', '1', 'https://', '%41', ','],
  short: ['TRUSTED_PROXIES'],
});

describe('RULES', () => {
  const rulesIn = (RULES: string) => read(schema, { ...sound, RULES });

  it('has a rule in each line [forward-auth-rules, Lanyard]', () => {
    const text = `
# What sellers may do.
sales-read    https://sales.example        sales:read
sales-write   https://sales.example        sales:read sales:write
any\thttps://stock.example/api?v=1\r
`;
    expect(rulesIn(text)).toMatchObject({
      RULES: [
        { name: 'sales-read', resource: 'https://sales.example', scopes: ['sales:read'] },
        { name: 'sales-write', resource: 'https://sales.example', scopes: ['sales:read', 'sales:write'] },
        { name: 'any', resource: 'https://stock.example/api?v=1', scopes: [] },
      ],
    });
  });

  it.each([
    [
      'a name with a slash',
      'a/b https://a.example',
      'RULES: line 1: a name must have 1 to 63 characters of a-z, 0-9, "_" and "-", the first a letter or digit',
    ],
    ['a name with a dot', `${line}\n.. https://a.example`, 'RULES: line 2: a name must have'],
    ['a name twice', `${line}\n\n${line}`, 'RULES: line 3: the name is taken by an earlier line'],
    ['no resource', 'orders', 'RULES: line 1: the resource is missing'],
    ['a resource that is no address', 'orders a:read', 'RULES: line 1: the resource must be an http(s) address'],
    ['a resource with a fragment', 'orders https://a.example#b', 'RULES: line 1: the resource must be'],
    ['a malformed scope', 'orders https://a.example a"b', 'RULES: line 1: a scope value is malformed'],
    ['only comments', '# nothing', 'RULES: must have a line: name resource scope…'],
  ])('is refused with %s, and the line is named [forward-auth-rules, Lanyard]', (_, text, message) => {
    expect(rulesIn(text)).toEqual([expect.stringContaining(message)]);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { parseRegistryFile, RegistryFileError, registrySchema, type RegistryDescription } from './registry-file.ts';

const parse = (text: string, environment = {}) =>
  parseRegistryFile(text, 'lanyard.yaml', environment, 'https://issuer.example');

/** The registry, or the lines of the message; rethrows every error that is not the parser's own. */
function read(text: string, environment = {}): RegistryDescription | string[] {
  try {
    return parse(text, environment);
  } catch (error) {
    if (error instanceof RegistryFileError) return error.message.split('\n');
    throw error;
  }
}

/** Text without variables and without control characters, which names must not have. */
const textOf = (unit: 'binary' | 'grapheme') =>
  fc.string({ unit, minLength: 1, maxLength: 50 }).map((text) => text.replaceAll(/\p{Cc}|\$\{/gu, '') || 'x');
const name = fc.oneof(textOf('binary'), textOf('grapheme'), fc.constantFrom('yes', 'null', '1', '- a', '#', '"', ': '));
const scopeCharacter = fc.constantFrom(
  'a',
  'Z',
  '9',
  ':',
  '#',
  '{',
  '~',
  '!',
  '&',
  '*',
  '-',
  '?',
  '|',
  '%',
  '@',
  '`',
  "'",
  ',',
);
const scopeValue = fc.string({ unit: scopeCharacter, minLength: 1, maxLength: 20 });
const clientId = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,20}$/);

const resources = fc
  .array(fc.record({ name, scopes: fc.dictionary(scopeValue, name) }), { maxLength: 4 })
  .map((resources) =>
    resources.map(({ name, scopes }, i) => ({
      identifier: `https://a.example/${i}`,
      name,
      // No scope value belongs to two resources.
      scopes: Object.fromEntries(Object.entries(scopes).map(([value, meaning]) => [`${i}${value}`, meaning])),
    })),
  );
const registry = resources.chain((resources) => {
  const values = resources.flatMap(({ scopes }) => Object.keys(scopes));
  const scope = fc.shuffledSubarray([...values, 'clients:read', 'audit:read']);
  const client = scope.chain((scope) => {
    const ofOne = scope.filter((value) => value.startsWith('0'));
    return fc.record(
      {
        client_id: clientId,
        client_name: name,
        grant_types: fc.constantFrom(['client_credentials'], []),
        scope: fc.constant(scope.join(' ')),
        default_scope: fc.shuffledSubarray(ofOne).map((values) => values.join(' ')),
        resource_server_of: fc.shuffledSubarray(resources.map(({ identifier }) => identifier)),
        access_token_lifetime: fc.option(fc.integer({ min: 60, max: 3600 })),
        disabled: fc.boolean(),
      },
      { requiredKeys: ['client_id', 'scope'] },
    );
  });
  const clients = fc.uniqueArray(client, { selector: ({ client_id }) => client_id, maxLength: 4 });
  return fc.record({ resources: fc.constant(resources), clients }, { requiredKeys: ['resources'] });
});

const long = (piece: string, length = 100_000) => piece.repeat(Math.ceil(length / piece.length));

describe('a registry file', () => {
  it('is read as it was written [registry-file, Lanyard]', () => {
    const style = fc.constantFrom('BLOCK_LITERAL', 'QUOTE_DOUBLE', 'PLAIN', 'QUOTE_SINGLE');
    fc.assert(
      fc.property(registry, style, fc.boolean(), (registry, defaultStringType, asJson) => {
        const text = asJson ? JSON.stringify(registry) : stringify(registry, { defaultStringType });
        expect(read(text)).toEqual(registrySchema.parse(registry));
      }),
    );
  });

  it('is read, or refused with its own error [registry-file, Lanyard]', () => {
    const parts = fc.constantFrom(
      'clients:',
      'resources:',
      '- ',
      '  ',
      '\n',
      'client_id: a',
      'scope: x',
      '{',
      '}',
      '[',
      ']',
      ': ',
      ', ',
      '&a ',
      '*a',
      '!!set ',
      '!!binary ',
      '<<: ',
      '"',
      "'",
      '|\n',
      '%YAML 1.1\n',
      '---\n',
      '${A}',
      '${A:-',
      '# ',
      'null',
      '\t',
      '__proto__: ',
    );
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: parts }), fc.json());
    fc.assert(
      fc.property(text, fc.constantFrom({}, { A: 'a' }, { A: '\n- {' }), (text, environment) => {
        const found = read(text, environment);
        if (Array.isArray(found)) expect(found[0]).toMatch(/^lanyard\.yaml(:\d+)?: /);
        else expect(registrySchema.parse(found)).toEqual(found);
      }),
      { numRuns: 300 },
    );
  });

  it('is refused with the line of an unknown field [registry-file, Lanyard]', () => {
    fc.assert(
      fc.property(registry, fc.nat(), (registry, index) => {
        const places = [registry, ...registry.resources, ...(registry.clients ?? [])];
        const place = places.at(index % places.length);
        const text = stringify(registry, (_, value: unknown) =>
          value === place ? { ...place, colour: 'blue' } : value,
        );
        const line = text.split('\n').findIndex((line) => line.includes('colour:')) + 1;
        const expected = new RegExp(`^lanyard\\.yaml:${line}: .*colour: is not a known field$`);
        expect(read(text)).toEqual([expect.stringMatching(expected)]);
      }),
    );
  });

  it('takes variables from the environment, and otherwise their default [registry-file, Lanyard]', () => {
    const variable = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,10}$/);
    fc.assert(
      fc.property(variable, clientId, clientId, (variable, value, fallback) => {
        const idIn = (text: string, environment = {}) =>
          parse(`clients: [{client_id: ${text}}]`, environment).clients[0]?.client_id;
        expect(idIn(`\${${variable}}`, { [variable]: value })).toBe(value);
        expect(idIn(`\${${variable}:-${fallback}}`, { [variable]: value })).toBe(value);
        expect(idIn(`\${${variable}:-${fallback}}`)).toBe(fallback);
        expect(idIn(`\${${variable}:-${fallback}}`, { [variable]: '' })).toBe(fallback);
        expect(read(`\n\n- \${${variable}}`)).toEqual([
          `lanyard.yaml:3: \${${variable}}: ${variable} is not set, and has no default there`,
        ]);
      }),
    );
  });

  it.each(['- ', '? ', "'", '|\n', ' ', '\t', '\n', '#', '%', '---\n', '\\', '${', '${A', '$', '\r'])(
    'is read or refused with 100,000 characters of %j [registry-file, Lanyard]',
    (piece) => {
      const found = read(long(piece));
      expect(Array.isArray(found) ? found.length : found.clients.length).toBeGreaterThanOrEqual(0);
    },
  );

  // Some of these take time that grows with the square of their length, here and in the YAML parser. That is
  // acceptable, since the operator writes the file.
  it.each(['[', '{', 'a: ', 'clients:\n', '"', '&a ', '*a ', '!a ', '${A:-', 'a: b\n'])(
    'is refused with 4,000 characters of %j [registry-file, Lanyard]',
    (piece) => {
      expect(read(long(piece, 4000))).toEqual(expect.arrayContaining([expect.stringMatching(/^lanyard\.yaml:/)]));
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { z } from 'zod';
import {
  auditEventSchema,
  clientChangeSchema,
  clientIdSchema,
  clientSchema,
  keyRotationSchema,
  nameSchema,
  newRevocationSchema,
  newSecretSchema,
  registryApplicationSchema,
  resourceDescriptionSchema,
  resourceIdentifierSchema,
  resourceSchema,
  scopeValueSchema,
  scopeValuesOf,
} from './index.ts';
import { momentSchema, scopeSchema } from './text.ts';

const uuid = '01890a5d-ac96-774b-bcce-b302099a8057';
const moment = '2026-01-31T12:00:00.000Z';
const hash = 'a'.repeat(64);
const client = {
  client_id: 'a',
  client_name: 'A',
  grant_types: ['client_credentials'],
  scope: 'x y',
  default_scope: 'x',
  resource_server_of: ['https://a.example'],
  access_token_lifetime: 60,
  disabled: false,
};
const { client_id: _1, disabled: _2, ...change } = client;
const resource = { identifier: 'https://a.example', name: 'A', scopes: { x: 'X', y: 'Y' } };
const { identifier: _3, ...description } = resource;

/** The schemas of input from outside, each with an example. */
const bodies: [string, z.ZodType, object][] = [
  ['a client', clientSchema, client],
  ['a change of a client', clientChangeSchema, change],
  ['a resource', resourceSchema, resource],
  ['a description of a resource', resourceDescriptionSchema, description],
  ['a secret', newSecretSchema, { client_secret: 's'.repeat(32), expires_in: 60, overlap: 0 }],
  ['a revocation of a token', newRevocationSchema, { token: 'a.b.c' }],
  ['a revocation by jti', newRevocationSchema, { jti: 'a' }],
  ['a revocation by client', newRevocationSchema, { client_id: 'a' }],
  ['a revocation by secret', newRevocationSchema, { secret_id: uuid }],
  ['a key rotation', keyRotationSchema, { emergency: true }],
  ['a registry', registryApplicationSchema, { registry: { resources: [resource], clients: [client] }, prune: true }],
  [
    'an audit event',
    auditEventSchema,
    {
      sequence: 1,
      occurred_at: moment,
      type: 'client.created',
      outcome: 'succeeded',
      actor: null,
      client_id: 'a',
      address: null,
      request_id: null,
      count: 1,
      details: { a: 1 },
      previous_hash: hash,
      hash,
    },
  ],
];

const anyJson = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0, 1e21, 0.5, '', '__proto__', 'https://a.example#b'),
);

/** The same object with another value somewhere, or with one member added or removed. */
const changed = (value: unknown): fc.Arbitrary<unknown> => {
  if (typeof value !== 'object' || value === null) return anyJson;
  const members = value as Record<string, unknown>;
  const deeper = Object.entries(members).map(([name, member]) =>
    changed(member).map((other) => (Array.isArray(value) ? [other] : { ...members, [name]: other })),
  );
  const less = Object.keys(members).map((name) =>
    fc.constant(Object.fromEntries(Object.entries(members).filter(([other]) => other !== name))),
  );
  const more = fc.tuple(fc.string(), anyJson).map(([name, other]) => ({ ...members, [name]: other }));
  return fc.oneof(anyJson, more, ...deeper, ...less);
};

const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

describe('input of the administration', () => {
  it.each(bodies)('is accepted or refused without an error: %s [request-validation, Lanyard]', (_, schema, example) => {
    expect(schema.safeParse(example)).toMatchObject({ success: true, data: example });
    fc.assert(
      fc.property(changed(example), (body) => {
        const { success, data } = schema.safeParse(body);
        // Parsed data is accepted again, and unchanged.
        if (success) expect(schema.parse(data)).toEqual(data);
      }),
      { numRuns: 200 },
    );
  });

  it('has scopes whose values can be listed [scope-syntax, RFC 6749 §3.3]', () => {
    const part = fc.constantFrom('a', 'b:c', ' ', '"', '\\', 'é');
    fc.assert(
      fc.property(fc.string({ unit: part }), (text) => {
        const values = text.split(' ');
        const isScope = text === '' || values.every((value) => /^[abc:]+$/.test(value));
        expect(scopeSchema.safeParse(text).success).toBe(isScope);
        expect(scopeValuesOf(text)).toEqual(isScope && text !== '' ? [...new Set(values)] : []);
      }),
    );
  });

  it('has names without control characters [strange-characters, Lanyard]', () => {
    const lengthy = fc.string({ unit: fc.constantFrom('a', '😀'), minLength: 250, maxLength: 260 });
    const controls = fc.string({ unit: fc.constantFrom('a', '\0', '\n', '\x7F', '\x9F', '\u{A0}', '\u{2028}') });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), controls, lengthy), (text) => {
        const points = Array.from(text, (character) => character.codePointAt(0)!);
        const isName = points.every((point) => point >= 0x20 && (point < 0x7f || point > 0x9f));
        expect(nameSchema.safeParse(text).success).toBe(isName && points.length >= 1 && points.length <= 255);
      }),
    );
  });

  it('has identifiers of resources without a fragment [resource-indicators, RFC 8707 §2]', () => {
    const withFragments = fc.webUrl({
      withFragments: true,
      withQueryParameters: true,
      validSchemes: ['http', 'https', 'ftp'],
    });
    fc.assert(
      fc.property(withFragments, (url) => {
        const isOne = !url.includes('#') && !url.startsWith('ftp') && url.length <= 200;
        expect(resourceIdentifierSchema.safeParse(url).success).toBe(isOne);
      }),
    );
  });

  const texts = {
    clientIdSchema,
    nameSchema,
    scopeSchema,
    scopeValueSchema,
    resourceIdentifierSchema,
    momentSchema,
    'client_secret of newSecretSchema': newSecretSchema.shape.client_secret,
    newRevocationSchema,
  };
  it.each(['a', 'a ', ' ', '1', '\0', 'é', '😀', '0-', '/', 'https://', '#', ':', '%'])(
    'has no text of 100,000 characters of %j [request-validation, Lanyard]',
    (piece) => {
      for (const schema of Object.values(texts)) {
        for (const start of ['', 'https://a.example/', '2026-01-31T12:00:00.']) {
          const text = start + long(piece);
          expect([text, `${text}\0`].map((text) => schema.safeParse(text).success).at(-1)).toBe(false);
        }
      }
      expect(newRevocationSchema.safeParse({ token: long(piece) }).success).toBe(false);
    },
  );
});

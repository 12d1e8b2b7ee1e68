import { describe, expect, it } from '@jest/globals';
import { auditEventTypes } from '@lanyard/administration';
import { revocationKinds } from '@lanyard/oauth-protocol';
import { nextPage } from '@lanyard/service-defaults';
import fc from 'fast-check';
import type { z } from 'zod';
import { AuditController } from './audit/audit.controller.ts';
import { ClientsController } from './clients/clients.controller.ts';
import { RevocationsController } from './revocations/revocations.controller.ts';

/** The schema that the route's query is checked against. */
function querySchemaOf(controller: { prototype: { list: unknown } }): z.ZodObject {
  const parameters = Reflect.getMetadata('__routeArguments__', controller, 'list') as Record<
    string,
    { schema?: unknown }
  >;
  return Object.values(parameters).find(({ schema }) => schema)?.schema as z.ZodObject;
}

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 50 })
  .map((text) => text.replaceAll(/\p{Cc}/gu, '') || 'x');
const clientId = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,127}$/);
const limit = fc.integer({ min: 1, max: 1000 }).map(String);
const sequence = fc.maxSafeNat().map(String);
const offset = fc.constantFrom('Z', '+00:00', '+14:00', '-09:30');
const date = fc.date({ min: new Date('0001-01-03'), max: new Date('9999-12-29'), noInvalidDate: true });
const moment = fc.tuple(date, offset).map(([date, offset]) => date.toISOString().replace('Z', offset));

const queries: [string, z.ZodObject, Record<string, fc.Arbitrary<string>> & { after: fc.Arbitrary<string> }][] = [
  [
    '/admin/audit',
    querySchemaOf(AuditController),
    {
      type: fc.constantFrom(...Object.keys(auditEventTypes)),
      actor: name,
      client_id: name,
      outcome: fc.constantFrom('succeeded', 'refused'),
      since: moment,
      until: moment,
      order: fc.constantFrom('oldest', 'newest'),
      limit,
      after: sequence,
    },
  ],
  [
    '/admin/clients',
    querySchemaOf(ClientsController),
    {
      q: name,
      scope: fc.string({ unit: fc.constantFrom('a', ':', '~', '%', '&', '+'), minLength: 1 }),
      disabled: fc.constantFrom('true', 'false'),
      limit,
      after: clientId,
    },
  ],
  [
    '/admin/revocations',
    querySchemaOf(RevocationsController),
    { client_id: clientId, kind: fc.constantFrom(...revocationKinds), limit, after: sequence },
  ],
];

describe.each(queries)('the query of %s', (path, schema, parameters) => {
  const right = fc.record(parameters, { requiredKeys: [] });
  const names = Object.keys(parameters);
  const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

  it('is made of all its parameters [request-validation, Lanyard]', () => {
    expect(Object.keys(schema.shape)).toEqual(names);
  });

  it('is read back from the path of the next page, which differs only in where it begins [next-page, Lanyard]', () => {
    fc.assert(
      fc.property(right, parameters.after, (written, after) => {
        const query = schema.parse(written) as { limit: number };
        for (const [name, text] of Object.entries(written)) {
          const value: unknown = Reflect.get(query, name);
          expect(value instanceof Date ? value : String(value)).toEqual(
            value instanceof Date ? new Date(String(text)) : text,
          );
        }
        const next = new URL(nextPage(path, query, query.limit, after)!, 'https://a.example');
        const read = schema.parse(Object.fromEntries(next.searchParams));
        expect({ ...read, after: undefined }).toEqual({ ...query, after: undefined });
        expect(String(read['after'])).toBe(after);
      }),
    );
  });

  it('is accepted or refused without an error [request-validation, Lanyard]', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('1', '-', '.', 'e', 'x', ' ', 'T', ':', 'Z', 'Infinity') }),
      ...Object.values(parameters),
    );
    // As Fastify reads them.
    const value = fc.oneof({ weight: 5, arbitrary: text }, fc.array(text, { minLength: 2, maxLength: 3 }));
    const query = fc.dictionary(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, fc.string()), value);
    fc.assert(
      fc.property(query, (written) => {
        const { success, data } = schema.safeParse(Object.assign(Object.create(null), written));
        if (!success) return;
        expect(Number.isInteger(data['limit'])).toBe(true);
        const times = [data['since'], data['until']].filter((time) => time !== undefined) as Date[];
        expect(times.map((time) => time.getTime()).filter(Number.isNaN)).toEqual([]);
        expect(Object.keys(data).filter((name) => !names.includes(name))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['1', '0', ' ', 'a', '-', 'é', '2026-01-31T12:00:00.', 'T', '%', '\\', '\0'])(
    'is refused with 100,000 characters of %j [request-validation, Lanyard]',
    (piece) => {
      for (const name of names) {
        for (const text of [`${long(piece)}!`, `2026-01-31T12:00:00.${long(piece)}!`]) {
          expect(schema.safeParse({ [name]: text }).success).toBe(false);
        }
        expect(typeof schema.safeParse({ [name]: long(piece) }).success).toBe('boolean');
      }
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import { nextPage } from '@lanyard/service-defaults';
import fc from 'fast-check';
import type { z } from 'zod';
import {
  claimSchema,
  completeManySchema,
  completeSchema,
  failSchema,
  fileIdSchema,
  fileQuerySchema,
  heartbeatSchema,
  jobIdSchema,
  jobQuerySchema,
  jobStatuses,
  newJobSchema,
  releaseSchema,
} from '@lanyard/jobs-contract';
import { columnsQuerySchema, periodSchema, throughputQuerySchema } from './reports/report.schema.ts';

const id = '01890a5d-ac96-774b-bcce-b302099a8057';
const column = { name: 'a', type: 'integer', empty: 0, distinct: 1, distinctExact: true, min: 1, max: '2', mean: 1.5 };
const result = { rows: 2, columns: [column, { ...column, min: null, max: null, mean: null }] };

/** Every request body, with an example of each. */
const bodies: [string, z.ZodType, object][] = [
  ['a job', newJobSchema, { type: 'summarize-csv', payload: { file: 'a'.repeat(64), name: 'a.csv' }, maxAttempts: 5 }],
  ['a claim', claimSchema, { types: ['summarize-csv'], max: 10, leaseSeconds: 30 }],
  ['a heartbeat', heartbeatSchema, { leaseToken: 1, leaseSeconds: 30 }],
  ['a result', completeSchema, { leaseToken: 1, result }],
  ['several results', completeManySchema, { jobs: [{ id, leaseToken: 1, result }] }],
  ['a failure', failSchema, { leaseToken: 1, reason: 'because', retryable: false }],
  ['a release', releaseSchema, { leaseToken: 1 }],
];

const anyJson = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0, 1e21, 0.5, '', '__proto__', id.toUpperCase()),
);

/** The same object with one value replaced, or one member added or removed. */
const changed = (value: unknown): fc.Arbitrary<unknown> => {
  if (typeof value !== 'object' || value === null) return anyJson;
  const members = value as Record<string, unknown>;
  const deeper = Object.entries(members).map(([name, member]) =>
    changed(member).map((other) => (Array.isArray(value) ? [other, ...value] : { ...members, [name]: other })),
  );
  const less = Object.keys(members).map((name) =>
    fc.constant(Object.fromEntries(Object.entries(members).filter(([other]) => other !== name))),
  );
  const more = fc.tuple(fc.string(), anyJson).map(([name, other]) => ({ ...members, [name]: other }));
  return fc.oneof(anyJson, more, ...deeper, ...less);
};

const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

describe('a body that is sent to the jobs API', () => {
  it.each(bodies)(
    'is accepted or refused without an internal error: %s [request-validation, Lanyard]',
    (_, schema, example) => {
      expect(schema.safeParse(example)).toMatchObject({ success: true, data: example });
      fc.assert(
        fc.property(changed(example), (body) => {
          const { success, data } = schema.safeParse(body);
          // An accepted body is accepted again unchanged.
          if (success) expect(schema.parse(data)).toEqual(data);
        }),
        { numRuns: 200 },
      );
    },
  );

  it('ends a job only once, in whichever case its id is written [request-validation, Lanyard]', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 5 }), fc.nat(), (ids, index) => {
        const jobs = ids.map((id) => ({ id, leaseToken: 1, result }));
        const again = { ...jobs.at(index % jobs.length)!, id: ids.at(index % jobs.length)!.toUpperCase() };
        expect(completeManySchema.safeParse({ jobs }).success).toBe(true);
        expect(completeManySchema.safeParse({ jobs: [...jobs, again] }).success).toBe(false);
      }),
    );
  });

  it('has names without control characters [strange-characters, Lanyard]', () => {
    const controls = fc.string({ unit: fc.constantFrom('a', '\0', '\n', '\x7F', '\x9F', '\u{A0}', '\u{2028}', '😀') });
    const lengthy = fc.string({ unit: fc.constantFrom('a', '😀'), minLength: 250, maxLength: 260 });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), controls, lengthy), (name) => {
        const points = Array.from(name, (character) => character.codePointAt(0)!);
        const isName = points.every((point) => point >= 0x20 && (point < 0x7f || point > 0x9f));
        const job = { type: 'summarize-csv', payload: { file: 'a'.repeat(64), name } };
        expect(newJobSchema.safeParse(job).success).toBe(isName && points.length >= 1 && points.length <= 255);
      }),
    );
  });

  it('names a file by the digest of its content [request-validation, Lanyard]', () => {
    const digest = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 60, maxLength: 68 });
    fc.assert(
      fc.property(
        fc.oneof(
          digest,
          fc.string({ unit: 'binary' }),
          digest.map((text) => `${text.slice(0, 63)}G`),
        ),
        (id) => {
          const isId = id.length === 64 && !id.endsWith('G');
          const job = { type: 'summarize-csv', payload: { file: id, name: 'a.csv' } };
          expect([fileIdSchema.safeParse(id), newJobSchema.safeParse(job)].map(({ success }) => success)).toEqual([
            isId,
            isId,
          ]);
        },
      ),
    );
  });

  it.each(['a', '0', 'f', '-', ' ', '\0', 'é', '😀', '0-'])(
    'is refused with 100,000 characters of %j [request-validation, Lanyard]',
    (piece) => {
      const job = { type: 'summarize-csv', payload: { file: 'a'.repeat(64), name: 'a.csv' } };
      const text = `${long(piece)}!`;
      const refused = [
        newJobSchema.safeParse({ ...job, type: text }),
        newJobSchema.safeParse({ ...job, payload: { ...job.payload, file: text } }),
        newJobSchema.safeParse({ ...job, payload: { ...job.payload, name: text } }),
        claimSchema.safeParse({ types: [text] }),
        failSchema.safeParse({ leaseToken: 1, reason: text }),
        completeManySchema.safeParse({ jobs: [{ id: text, leaseToken: 1, result }] }),
        fileIdSchema.safeParse(text),
        jobIdSchema.safeParse(text),
        jobIdSchema.safeParse(`01890a5d-ac96-774b-bcce-${text}`),
      ];
      expect(refused.map(({ success }) => success)).toEqual(refused.map(() => false));
    },
  );
});

const text = (maxLength: number) => fc.string({ unit: 'binary', maxLength: maxLength / 2 });
const offset = fc.constantFrom('Z', '+00:00', '+14:00', '-09:30');
const date = fc.date({ min: new Date('0001-01-03'), max: new Date('9999-12-29'), noInvalidDate: true });
const moment = fc.tuple(date, offset).map(([date, offset]) => date.toISOString().replace('Z', offset));
const limit = (max: number) => fc.integer({ min: 1, max }).map(String);
const period = { from: moment, to: moment };

const queries: [string, z.ZodObject, Record<string, fc.Arbitrary<string>>][] = [
  [
    '/jobs',
    jobQuerySchema,
    {
      status: fc.constantFrom(...jobStatuses),
      type: text(100),
      createdBy: text(128),
      limit: limit(200),
      after: fc.uuid(),
    },
  ],
  ['/files', fileQuerySchema, { limit: limit(200), after: fc.uuid().map((id) => id.replaceAll('-', '').repeat(2)) }],
  ['/reports/jobs', periodSchema, period],
  ['/reports/throughput', throughputQuerySchema, { ...period, interval: fc.constantFrom('minute', 'hour', 'day') }],
  ['/reports/columns', columnsQuerySchema, { jobId: fc.uuid(), file: text(255), limit: limit(100) }],
];

describe.each(queries)('the query of %s', (_, schema, parameters) => {
  const names = Object.keys(parameters);
  const right = fc.record(parameters, { requiredKeys: [] });

  it('is read as it was written [request-validation, Lanyard]', () => {
    expect(Object.keys(schema.shape)).toEqual(names);
    fc.assert(
      fc.property(right, (written) => {
        const query = schema.parse(written);
        for (const [name, value] of Object.entries(written)) {
          const read: unknown = query[name];
          if (read instanceof Date) expect(read).toEqual(new Date(String(value)));
          else expect(String(read)).toBe(value);
        }
      }),
    );
  });

  it('is accepted or refused without an internal error [request-validation, Lanyard]', () => {
    const part = fc.constantFrom('1', '-', '.', 'e', 'x', ' ', 'T', ':', 'Z', 'Infinity');
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: part }), ...Object.values(parameters));
    // As Fastify reads them.
    const value = fc.oneof({ weight: 5, arbitrary: text }, fc.array(text, { minLength: 2, maxLength: 3 }));
    const name = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, fc.string());
    fc.assert(
      fc.property(fc.dictionary(name, value), (written) => {
        const { success, data = {} } = schema.safeParse(Object.assign(Object.create(null), written));
        expect(Object.keys(data).filter((name) => !names.includes(name))).toEqual([]);
        if (success && 'limit' in schema.shape) expect(Number.isInteger(data['limit'])).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each(['1', '0', ' ', 'a', '-', 'é', 'T', '%', '\0', 'f'])(
    'is refused with 100,000 characters of %j [request-validation, Lanyard]',
    (piece) => {
      for (const name of names) {
        for (const start of ['', '2026-01-31T12:00:00.', '01890a5d-']) {
          expect(schema.safeParse({ [name]: `${start}${long(piece)}!` }).success).toBe(false);
        }
      }
    },
  );
});

describe('the path of the next page of jobs', () => {
  it('parses to the same query, with only the start changed [next-page, Lanyard]', () => {
    const [[path, , parameters]] = queries as [(typeof queries)[0]];
    fc.assert(
      fc.property(fc.record(parameters, { requiredKeys: [] }), fc.uuid(), (written, after) => {
        const query = jobQuerySchema.parse(written);
        const { searchParams } = new URL(nextPage(path, query, query.limit, after)!, 'https://a.example');
        expect(jobQuerySchema.parse(Object.fromEntries(searchParams))).toEqual({ ...query, after });
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import type { HttpException } from '@nestjs/common';
import { z } from 'zod';
import { validationPipe } from './validation-pipe.ts';

let validated = 0;
const id = z.string().refine((text) => (validated += 1) > 0 && text.startsWith('a'), 'must begin with a');
const item = z.strictObject({ id, size: z.int().optional(), tags: z.array(z.string()).optional() });
const schema = z
  .strictObject({
    items: z
      .array(item)
      .refine((items) => new Set(items.map((item) => item.id)).size === items.length, 'must be different'),
    names: z.array(z.string()).max(3).default([]),
    sizes: z.preprocess((sizes) => sizes ?? {}, z.record(id, z.int())),
  })
  .superRefine(({ items }, context) => {
    if (items.length === 1) context.addIssue({ code: 'custom', message: 'must not be one' });
  });

const many = <T>(count: number, one: (index: number) => T) => Array.from({ length: count }, (_, i) => one(i));

/** The parsed body, or the reported faults; and the number of items that were validated. */
async function validate(body: unknown) {
  validated = 0;
  const answer = validationPipe().transform(body, { type: 'body', schema });
  const result = await answer.catch((error: HttpException) => error.getResponse() as { errors: object[] });
  return { result, errors: 'errors' in Object(result) ? (result as { errors: object[] }).errors : [], validated };
}
const rest = { field: '', message: 'there are more faults, which are not listed' };

describe('the validation of a request', () => {
  it('validates each valid item once [bounded-faults, Lanyard]', async () => {
    const sizes = Object.fromEntries(many(5000, (i) => [`a${i}`, i]));
    const body = { items: many(5000, (i) => ({ id: `a${i}`, tags: ['x', 'y'] })), sizes };
    expect(await validate(body)).toEqual({ result: { ...body, names: [] }, errors: [], validated: 10_000 });
  });

  it('reports every fault of a small value [bounded-faults, Lanyard]', async () => {
    const { errors } = await validate({ items: many(40, () => ({ id: 'b', size: 'x' })), colour: 1 });
    expect(errors).toHaveLength(81);
    expect(errors[79]).toMatchObject({ field: 'items.39.size' });
    expect(errors[80]).toMatchObject({ message: 'Unrecognized key: "colour"' });
  });

  it('reports at most a hundred faults [bounded-faults, Lanyard]', async () => {
    const { errors } = await validate({ items: many(200, (i) => ({ id: `b${i}` })) });
    expect(errors).toHaveLength(101);
    expect(errors[99]).toMatchObject({ field: 'items.99.id' });
    expect(errors[100]).toEqual(rest);
  });

  it.each([
    ['items', { items: [{ id: 'a' }, ...many(5000, () => ({ id: 'b' }))] }, 102],
    ['items with two faults', { items: many(5000, () => ({ id: 'b', size: 'x' })) }, 51],
    ['items of another type', { items: many(5000, () => 1) }, 0],
    ['lists in items', { items: many(5000, () => ({ id: 'a', tags: many(50, () => 1) })) }, 3],
    ['long lists in items', { items: many(100, () => ({ id: 'a', tags: many(500, () => 1) })) }, 1],
    ['entries', { items: [], sizes: Object.fromEntries(many(5000, (i) => [`a${i}`, 'x'])) }, 200],
    ['names of entries', { items: [], sizes: Object.fromEntries(many(5000, (i) => [`b${i}`, 1])) }, 200],
  ])('stops after a hundred faults in many %s [bounded-faults, Lanyard]', async (_, body, expected) => {
    const { errors, validated } = await validate(body);
    expect(errors).toHaveLength(101);
    expect(errors[100]).toEqual(rest);
    expect(validated).toBe(expected);
  });

  it.each([
    ['a list that is too long', { items: [], names: many(5000, () => 1) }, 'names'],
    ['a value that is not a list', { items: {} }, 'items'],
    ['a value that is not a record', { items: [], sizes: [1] }, 'sizes'],
    ['an unknown name', { items: [], name: [] }, ''],
    ['a fault of the whole list', { items: [{ id: 'a' }, { id: 'a' }] }, 'items'],
  ])('finds %s [bounded-faults, Lanyard]', async (_, body, field) => {
    expect((await validate(body)).errors).toEqual([expect.objectContaining({ field })]);
  });

  it('repeats little of the request [bounded-faults, Lanyard]', async () => {
    const name = 'x'.repeat(100_000);
    const { errors } = await validate({ items: [], [name]: 1 });
    expect(errors).toEqual([{ field: '', message: expect.stringMatching(/^Unrecognized key: "x{400,500}…$/) }]);
  });
});

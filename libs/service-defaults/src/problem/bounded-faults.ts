/* oxlint-disable no-underscore-dangle, typescript/unbound-method -- `_zod` is zod's interface for extensions */
import { z } from 'zod';

/** The maximum number of faults that are reported. */
export const maxFaults = 100;

/**
 * The same schema, whose arrays and records stop after a hundred faults. Zod itself finds all faults, at 20 µs each,
 * or, with `abortEarly`, misses those of checks. Unions and tuples do not stop early.
 */
export function withBoundedFaults<T extends z.core.$ZodType>(schema: T): T {
  const known = bounded.get(schema);
  if (known) return known as T;
  const def = schema._zod.def as z.core.$ZodTypeDef & Record<string, unknown>;
  // Some of its properties are getters.
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(def)) as never;
  const put = (name: string, value: unknown) =>
    Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
  for (const name of ['element', 'keyType', 'valueType', 'innerType', 'in', 'out']) {
    if (def[name] instanceof z.core.$ZodType) put(name, withBoundedFaults(def[name]));
  }
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries<z.core.$ZodType>(schema.shape);
    put('shape', Object.fromEntries(fields.map(([name, field]) => [name, withBoundedFaults(field)])));
  }
  let result: z.core.$ZodType;
  if (schema instanceof z.ZodArray) result = new BoundedArray(copy);
  else if (schema instanceof z.ZodRecord) result = new BoundedRecord(copy);
  else result = z.core.clone(schema, copy);
  bounded.set(schema, result);
  return result as T;
}

const bounded = new WeakMap<z.core.$ZodType, z.core.$ZodType>();

const BoundedArray = z.core.$constructor<z.ZodArray>('BoundedArray', (schema, def) => {
  z.ZodArray.init(schema, def);
  const { parse } = schema._zod;
  const most = Math.min(...z.core.util.sizeCaps(def.checks).map(([length]) => length));
  schema._zod.parse = (payload, context) => {
    const items: unknown = payload.value;
    if (!Array.isArray(items) || items.length > most || context.async) return parse(payload, context);
    const values: unknown[] = [];
    for (const [index, value] of items.entries()) {
      const item = def.element._zod.run({ value, issues: [] }, context) as z.core.ParsePayload;
      values.push(item.value);
      if (item.issues.length === 0) continue;
      payload.issues.push(...z.core.util.prefixIssues(index, item.issues));
      if (payload.issues.length > maxFaults) break;
    }
    payload.value = values;
    return payload;
  };
});

/** A record whose entries are parsed in batches of a hundred. */
const BoundedRecord = z.core.$constructor<z.ZodRecord>('BoundedRecord', (schema, def) => {
  z.ZodRecord.init(schema, def);
  const { parse } = schema._zod;
  schema._zod.parse = (payload, context) => {
    const record: unknown = payload.value;
    if (!z.core.util.isPlainObject(record) || def.keyType._zod.values || context.async) return parse(payload, context);
    const entries = Object.entries(record);
    const values = {};
    for (let i = 0; i < entries.length && payload.issues.length <= maxFaults; i += maxFaults) {
      const part = Object.fromEntries(entries.slice(i, i + maxFaults));
      const parsed = parse({ value: part, issues: [] }, context) as z.core.ParsePayload<object>;
      Object.assign(values, parsed.value);
      payload.issues.push(...parsed.issues);
    }
    payload.value = values;
    return payload;
  };
});

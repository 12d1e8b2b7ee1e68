import { filledIn, type Seed } from './seeds.ts';

/** A text that commonly breaks databases, logs and parsers, and its encoding in a URL or a form. */
export interface HostileText {
  name: string;
  text: string;
  encoded: string;
}

const aText = (name: string, text: string): HostileText => ({ name, text, encoded: encodeURIComponent(text) });

export const hostileTexts: readonly HostileText[] = [
  aText('NUL', 'a\0b'),
  aText('quotes and backslashes', `\\"'; DROP TABLE client; --\\`),
  aText('line ends', 'a\r\nx-injected: 1\r\n\r\n{"level":"fatal"}\n'),
  { name: 'a lone surrogate', text: 'a\ud800b', encoded: 'a%ED%A0%80b' },
  aText('10,000 characters', 'x'.repeat(10_000)),
  aText('100,000 characters', 'x'.repeat(100_000)),
];

/** A request with one hostile field. */
export interface SpoiltRequest {
  field: string;
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** Yields the request once for each field of its path, query, headers and body, with that field replaced. */
export function* spoiltRequests(seed: Seed, hostile: HostileText): Generator<SpoiltRequest> {
  const { path, headers, body, operation } = seed;
  const parameters = (place: string) =>
    (operation?.parameters ?? []).filter((parameter) => parameter.in === place).map(({ name }) => name);
  const [address = '', query = ''] = path.split('?');
  const pathParameters = [...(operation?.path ?? '').matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name));
  for (const name of pathParameters)
    yield { ...seed, field: `path ${name}`, path: filledIn(operation!.path, { [name]: hostile.encoded }) };

  const sent = query.split('&').filter(Boolean);
  for (const name of new Set([...sent.map(nameOf), ...parameters('query'), 'unknown']))
    yield { ...seed, field: `query ${name}`, path: `${address}?${replaced(sent, name, hostile.encoded)}` };

  // Headers cannot carry other characters.
  if (/^[ -~]*$/.test(hostile.text)) {
    const names = [...parameters('header'), 'x-request-id', 'if-match', 'if-none-match', 'idempotency-key', 'prefer'];
    for (const name of new Set(names.map((header) => header.toLowerCase())))
      yield { ...seed, field: `header ${name}`, headers: { ...headers, [name]: hostile.text } };
  }

  const type = headers['content-type'] ?? '';
  if (type.includes('form')) {
    const fields = body.split('&');
    for (const name of new Set([...fields.map(nameOf), ...formParameters]))
      yield { ...seed, field: `form ${name}`, body: replaced(fields, name, hostile.encoded) };
  }
  if (type.includes('json')) {
    const content: unknown = body === '' ? {} : JSON.parse(body);
    const schema = operation?.requestBody?.content?.['application/json']?.schema ?? {};
    const paths = new Map([...pathsIn(content), ...fieldsOf(schema)].map((fields) => [fields.join('.'), fields]));
    for (const [name, fields] of paths) {
      const spoilt = withField(content, fields, hostile.text);
      yield { ...seed, field: `body ${name}`, body: JSON.stringify(spoilt) };
      const key = withField(content, [...fields.slice(0, -1), hostile.text], 'x');
      yield { ...seed, field: `body key beside ${name}`, body: JSON.stringify(key) };
    }
  }
}

/** The parameters of the OAuth endpoints, whose seeds have no OpenAPI description. */
const formParameters = [
  'grant_type',
  'scope',
  'resource',
  'client_id',
  'client_secret',
  'token',
  'token_type_hint',
  'x',
];

const nameOf = (pair: string): string => pair.split('=')[0] ?? '';
const replaced = (pairs: string[], name: string, encoded: string): string =>
  [...pairs.filter((pair) => nameOf(pair) !== name), `${name}=${encoded}`].join('&');

type Field = (string | number)[];

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

function* fieldsOf(schema: Schema, path: Field = []): Generator<Field> {
  for (const part of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])])
    yield* fieldsOf(part, path);
  const inner: [string | number, Schema][] = Object.entries(schema.properties ?? {});
  if (schema.items) inner.push([0, schema.items]);
  if (typeof schema.additionalProperties === 'object') inner.push(['fuzzed', schema.additionalProperties]);
  for (const [name, field] of inner) {
    yield [...path, name];
    yield* fieldsOf(field, [...path, name]);
  }
}

function* pathsIn(value: unknown, path: Field = []): Generator<Field> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const own = [...path, Array.isArray(value) ? Number(name) : name];
    yield own;
    yield* pathsIn(inner, own);
  }
}

function withField(value: unknown, [name, ...rest]: Field, text: string): unknown {
  if (name === undefined) return text;
  if (typeof name === 'number') {
    const items: unknown[] = Array.isArray(value) ? value : [];
    return Object.assign([...items], { [name]: withField(items[name], rest, text) });
  }
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  return { ...fields, [name]: withField(fields[name], rest, text) };
}

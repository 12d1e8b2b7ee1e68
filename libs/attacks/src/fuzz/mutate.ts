import type { Seed } from './seeds.ts';

/** Reproducible pseudo-random numbers: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mix = Math.imul(state ^ (state >>> 15), 1 | state);
    mix = (mix + Math.imul(mix ^ (mix >>> 7), 61 | mix)) ^ mix;
    return ((mix ^ (mix >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Texts that commonly break parsers. */
const morsels = [
  '\0',
  '\r\n',
  '\n',
  '%00',
  '%0d%0a',
  '%',
  '%zz',
  '%ff',
  '%ed%a0%80',
  '\u{feff}',
  '\u{202e}',
  '\ud800',
  '💣',
  'ı',
  'ſ',
  '"',
  "'",
  '\\',
  '\\u0000',
  '\\ud800',
  '`',
  '$',
  '{',
  '}',
  '[',
  ']',
  '[[[[[[[[',
  '{{7*7}}',
  '${x}',
  '<',
  '&',
  '&&',
  '=',
  ';',
  ',',
  ':',
  ' ',
  '\t',
  '+',
  '-',
  '-1',
  '0',
  '1e400',
  '-1e400',
  'NaN',
  '9007199254740993',
  '99999999999999999999',
  '0.1',
  'null',
  'true',
  'undefined',
  '__proto__',
  'constructor',
  'toString',
  '../',
  '..%2f',
  '//',
  '/./',
  '*',
  '?',
  '#',
  'Bearer ',
  'Basic ',
  'none',
  'eyJ',
  '.',
  '..',
  'a'.repeat(300),
  'a'.repeat(5000),
  '𝒂'.repeat(100),
  '2026-13-45T99:99:99Z',
];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'get', 'X'];
const strangeHeaders = [
  'content-type: application/json',
  'content-type: application/x-www-form-urlencoded',
  'content-type: text/csv',
  'content-type: multipart/form-data; boundary=x',
  'content-type: ',
  'content-encoding: gzip',
  'accept: */*;q=x',
  'accept: application/token-introspection+jwt',
  'if-match: *',
  'if-match: W/"x", "y"',
  'if-none-match: *',
  'prefer: wait=0',
  'prefer: wait=999999999999',
  'idempotency-key: "x"',
  'x-request-id: a b',
  'range: bytes=5-1',
  'x-forwarded-for: x',
  'x-forwarded-for: 1.2.3.4, ::1',
  'x-forwarded-proto: gopher',
  'expect: 100-continue',
  'upgrade: h2c',
  'connection: upgrade',
  'te: trailers',
  'cookie: a=b',
  'origin: null',
  'authorization: Bearer',
  'authorization: Basic Og==',
  'authorization: Basic =',
  'host: ',
  'trailer: x',
  'cache-control: no-cache',
];

/** The bytes of a request with one to four random faults. */
export function mutated(seed: Seed, random: () => number): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  let { method, path, body } = seed;
  const headers = Object.entries(seed.headers).map(([name, value]) => `${name}: ${value}`);
  let keepLength = false;
  let raw = false;

  const spoil = (text: string): string => {
    const at = Math.floor(random() * (text.length + 1));
    const length = Math.floor(random() * Math.min(20, text.length - at + 1));
    switch (Math.floor(random() * 6)) {
      case 0:
        return text.slice(0, at) + pick(morsels) + text.slice(at);
      case 1:
        return text.slice(0, at) + pick(morsels) + text.slice(at + length);
      case 2:
        return text.slice(0, at) + text.slice(at + length);
      case 3:
        return (
          text.slice(0, at) +
          text.slice(at, at + length).repeat(2 + Math.floor(random() * 20)) +
          text.slice(at + length)
        );
      case 4:
        return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + text.slice(at + 1);
      default:
        return text.slice(0, at);
    }
  };
  /** Replaces a random JSON value by another one. */
  const retype = (text: string): string => {
    const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null/g)];
    const value = pick(values);
    if (!value) return text;
    const other = pick([
      'null',
      'true',
      '0',
      '-1',
      '1.5',
      '1e400',
      '""',
      '[]',
      '{}',
      '"\\u0000"',
      '"\\ud800"',
      `"${'x'.repeat(3000)}"`,
      '[[[[]]]]',
      '{"__proto__":1}',
      '9007199254740993',
    ]);
    return text.slice(0, value.index) + other + text.slice(value.index + value[0].length);
  };

  for (let faults = 1 + Math.floor(random() * 4); faults > 0; faults--) {
    switch (Math.floor(random() * 10)) {
      case 0:
        method = pick(methods);
        break;
      case 1:
      case 2:
        path = `/${spoil(path.slice(1))}`;
        break;
      case 3:
        headers.push(pick(strangeHeaders));
        break;
      case 4:
        if (headers.length > 0) headers.splice(Math.floor(random() * headers.length), 1);
        break;
      case 5: {
        const at = Math.floor(random() * headers.length);
        if (headers[at] !== undefined) headers[at] = spoil(headers[at]).replaceAll(/[\r\n\0]/g, '');
        break;
      }
      case 6:
        keepLength = true;
        break;
      case 7:
        raw = random() < 0.2;
        break;
      case 8:
        body = retype(body);
        break;
      default:
        body = spoil(body);
    }
  }
  const length = Buffer.byteLength(keepLength ? seed.body : body);
  const hasBody = length > 0 || !['GET', 'HEAD'].includes(method);
  const head = [`${method} ${path.replaceAll(/[\r\n ]/g, raw ? '$&' : '%20')} HTTP/1.1`, 'host: localhost', ...headers];
  if (hasBody) head.push(`content-length: ${length}`);
  const request = `${head.join('\r\n')}\r\n\r\n${body}`;
  return Buffer.from(raw ? spoil(request) : request);
}

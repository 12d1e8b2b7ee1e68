import { describe, expect, it } from '@jest/globals';
import { formatScope, parseScope } from './scope.ts';

describe('parseScope', () => {
  it.each([
    ['one value', 'jobs:read', ['jobs:read']],
    ['values in their order', 'jobs:write jobs:read', ['jobs:write', 'jobs:read']],
    ['a repeated value only once', 'jobs:read jobs:read', ['jobs:read']],
    ['every allowed punctuation', "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", ["!#$%&'()*+,-./:;<=>?@[]^_`{|}~"]],
  ])('reads %s [scope-syntax, RFC 6749 §3.3]', (_, scope, values) => {
    expect([...(parseScope(scope) ?? [])]).toEqual(values);
  });

  it.each([
    ['nothing', ''],
    ['two spaces', 'a  b'],
    ['a leading space', ' a'],
    ['a tab', 'a\tb'],
    ['a quote', 'a"b'],
    ['a backslash', String.raw`a\b`],
    ['a line break', 'a\nb'],
    ['a letter outside ASCII', 'é'],
  ])('refuses %s [scope-syntax, RFC 6749 §3.3]', (_, scope) => {
    expect(parseScope(scope)).toBeUndefined();
  });

  it('is undone by formatScope', () => {
    expect(formatScope(parseScope('a b') ?? [])).toBe('a b');
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { outOfDate } from './out-of-date.ts';
import type { Rule } from '../../docs/rules/rule.ts';
import { specifications } from './specifications.ts';
import { taggedTests } from './tagged-tests.ts';

const source = 'libs/door/src/door.ts';
const spec = 'libs/door/src/door.spec.ts';
const decision = 'docs/decisions/0007-doors.md';
const shut: Rule = { name: 'shut', section: 'RFC 1 §2', text: 'A door is shut.', files: [source] };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lanyard-docs-'));
  write(source, '');
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, content: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), content);
}
const faultsOf = (...rules: Rule[]) => specifications(root, { Doors: rules }).faults;

describe('the page of specifications', () => {
  it('lists the section, the files and the first tests of each rule', () => {
    const title = (text: string) => `it('${text} [shut, RFC 1 §2]', () => {});`;
    write(spec, `describe('a door', () => { ${['is shut', 'stays_so', 'is so', 'for ever'].map(title).join('')} })`);
    write(decision, '');
    const open: Rule = { ...shut, name: 'open', section: 'Lanyard', text: 'Or open.', decision };
    const { page } = specifications(root, { Doors: [shut, open] });
    expect(page.slice(page.indexOf('##'))).toBe(`## Doors

| rule | section | implemented in | tested by |
| --- | --- | --- | --- |
| \`shut\`: A door is shut. | RFC 1 §2 | [door.ts](../${source}) | [door.spec.ts](../${spec}) a door is shut<br>a door stays\\_so<br>a door is so<br>and 1 more |
| \`open\`: Or open. | Lanyard | [door.ts](../${source}) | [decision 7](decisions/0007-doors.md) |
`);
  });

  it('is out of date when its content differs', () => {
    write('docs/page.md', 'old');
    expect(outOfDate({ 'docs/page.md': 'old' }, root)).toEqual([]);
    expect(outOfDate({ 'docs/page.md': 'new' }, root)).toEqual(['docs/page.md is not up to date: npm run docs']);
  });
});

describe('the rules', () => {
  it('have no fault when each has a test, or a decision that says why not', () => {
    write(spec, `it('is shut [shut, RFC 1 §2]', () => {})`);
    write(decision, '');
    expect(faultsOf(shut, { ...shut, name: 'open', decision })).toEqual([]);
  });

  it.each<[string, string, Rule[], string]>([
    ['without a test', '', [shut], 'the rule shut (RFC 1 §2) has no test, and no decision says why'],
    [
      'that is not on the list',
      `it('is ajar [ajar, RFC 1 §2]', () => {})`,
      [],
      `${spec}: "is ajar" names ajar, which is not a rule`,
    ],
    [
      'of another section',
      `it('is shut [shut, RFC 1 §3]', () => {})`,
      [shut],
      `${spec}: "is shut" names shut as a rule of RFC 1 §3, not RFC 1 §2`,
    ],
    [
      'whose file does not exist',
      `it('is shut [shut, RFC 1 §2]', () => {})`,
      [{ ...shut, files: [source, 'libs/door/src/handle.ts'] }],
      'the rule shut names libs/door/src/handle.ts, which does not exist',
    ],
    [
      'whose decision does not exist',
      '',
      [{ ...shut, decision }],
      `the rule shut names ${decision}, which does not exist`,
    ],
    [
      'that is listed twice',
      `it('is shut [shut, RFC 1 §2]', () => {})`,
      [shut, { ...shut, text: 'Again.' }],
      'the rule shut is listed twice',
    ],
  ])('have one fault in one line for a rule %s', (_, text, rules, fault) => {
    write(spec, text);
    expect(faultsOf(...rules)).toEqual([fault]);
  });
});

describe('the tests that name rules', () => {
  const tag = '[shut, RFC 1 §2]';
  const tags = [{ rule: 'shut', section: 'RFC 1 §2' }];

  it.each([
    ['a call of it', `it('is shut ${tag}', () => {})`, 'is shut'],
    ['a call of test', `test('is shut ${tag}', () => {})`, 'is shut'],
    ['one within a describe', `describe('a door', () => { it('is shut ${tag}', () => {}) })`, 'a door is shut'],
    ['a describe', `describe('a door ${tag}', () => { it('is shut', () => {}) })`, 'a door'],
    ['a template literal', 'it(`is ${state} ' + tag + '`, () => {})', 'is …'],
    ['an each', `it.each([[1], [2]])('is shut by %i ${tag}', () => {})`, 'is shut by %i'],
    ['an each with types', `it.each<[string]>([['wind']])('is shut by %s ${tag}', () => {})`, 'is shut by %s'],
    ['an each of a template', `it.each\`by\n\${1}\`('is shut by $by ${tag}', () => {})`, 'is shut by $by'],
    ['a row of an each', `it.each([['wind ${tag}', 1], ['hand', 2]])('is shut by %s', () => {})`, 'is shut by wind'],
    [
      'a row of a nested table',
      `describe.each(['a'])('door %s', () => { it.each(['wind ${tag}'])('is shut by %s', () => {}) })`,
      'door %s is shut by wind',
    ],
    ['a row of text', `it.each(['wind ${tag}', 'hand'] as const)('is shut by %s', () => {})`, 'is shut by wind'],
    ['an attack', `export const attacks = [{ name: 'kicks it', rule: '${tag}', run: () => {} }]`, 'kicks it'],
  ])('are found as %s', (_, text, title) => {
    expect(taggedTests(text)).toEqual([{ title, tags }]);
  });

  it('may name several rules', () => {
    expect(taggedTests(`it('is shut ${tag} [wide-open, Lanyard]', () => {})`)).toEqual([
      { title: 'is shut', tags: [...tags, { rule: 'wide-open', section: 'Lanyard' }] },
    ]);
  });

  it.each([
    ['skipped', `it.skip('is shut ${tag}', () => {})`],
    ['skipped for each row', `it.skip.each([['wind ${tag}']])('is shut by %s ${tag}', () => {})`],
    ['within a skipped describe', `describe.skip('a door', () => { it('is shut ${tag}', () => {}) })`],
    ['still to be written', `it.todo('is shut ${tag}')`],
    ['text in a test', `it('is shut', () => { expect('${tag}').toBe('it(${tag})') })`],
    ['in a comment', `// it('is shut ${tag}', () => {})`],
  ])('are ignored when they are %s', (_, text) => {
    expect(taggedTests(text)).toEqual([]);
  });
});

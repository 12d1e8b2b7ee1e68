import { parseSync, type Argument, type Expression } from '@swc/core';

/** The name and the section of a rule in a test title. */
export interface Tag {
  rule: string;
  section: string;
}

/** A test or an attack that names the rules that it proves. */
export interface TaggedTest {
  /** its whole title, without the tags */
  title: string;
  tags: Tag[];
}

/** `[post-only, RFC 6749 §3.2]` */
const tag = / *\[([a-z][a-z0-9]*(?:-[a-z0-9]+)*), ([^\][]+)\]/g;

/**
 * The tests of a spec that name rules in their titles, in the titles of their `describe`, or in the rows of their
 * `each`; and the attacks, which are objects with a `name` and a `rule`. Skipped tests are ignored.
 */
export function taggedTests(source: string): TaggedTest[] {
  const found: TaggedTest[] = [];
  const add = (title: string, tagged = title) => {
    const tags = [...tagged.matchAll(tag)].map(([, rule = '', section = '']) => ({ rule, section }));
    if (tags.length > 0) found.push({ title: title.replaceAll(tag, ''), tags });
  };
  const visit = (node: unknown, outer: string): void => {
    if (Array.isArray(node)) for (const each of node) visit(each, outer);
    if (!isNode(node)) return;
    const test = testOf(node);
    if (test?.isSkipped) return;
    if (test) {
      const { title, rows } = test;
      const within = (title: string) => `${outer} ${title}`.trim();
      const filled = (row: string) => title.replace(/%[sj]/, () => row);
      add(within(title), title);
      for (const row of rows) add(within(filled(row)), row);
      outer = within(title).replaceAll(tag, '');
    }
    const { name, rule } = propertiesOf(node);
    if (name !== undefined && rule !== undefined) add(name, rule);
    for (const child of Object.values(node)) visit(child, outer);
  };
  visit(parseSync(source, { syntax: 'typescript', decorators: true }), '');
  return found;
}

/** A node of the syntax tree; only expressions matter here. */
type Node = Expression | { type: '' };

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The title of a call of `it`, `test` or `describe`, and the texts that the rows of its table insert. */
function testOf(node: Node): { title: string; rows: string[]; isSkipped: boolean } | undefined {
  if (node.type !== 'CallExpression') return undefined;
  const { words, table } = calleeOf(node.callee as Expression);
  const title = textOf(node.arguments[0]);
  if (!['it', 'test', 'describe'].includes(words[0] ?? '') || title === undefined) return undefined;
  return { title, rows: rowsOf(table), isSkipped: words.includes('skip') || words.includes('todo') };
}

/** Splits `it.each([…])` into `it`, `each` and the table. */
function calleeOf(callee: Expression): { words: string[]; table?: Argument | undefined } {
  if (callee.type === 'Identifier') return { words: [callee.value] };
  if (callee.type === 'TaggedTemplateExpression') return calleeOf(callee.tag);
  if (callee.type === 'CallExpression') {
    return { ...calleeOf(callee.callee as Expression), table: callee.arguments[0] };
  }
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return { words: [] };
  return { words: [...calleeOf(callee.object).words, callee.property.value] };
}

/** The first text of each row. */
function rowsOf(table: Argument | undefined): string[] {
  const rows = withoutAssertion(table?.expression);
  if (rows?.type !== 'ArrayExpression') return [];
  return rows.elements.flatMap((row) => {
    const cells = withoutAssertion(row?.expression);
    return textOf(cells?.type === 'ArrayExpression' ? cells.elements[0] : row) ?? [];
  });
}

/** Removes `as const` and similar assertions. */
function withoutAssertion(expression: Expression | undefined): Expression | undefined {
  return expression && ['TsConstAssertion', 'TsAsExpression', 'TsSatisfiesExpression'].includes(expression.type)
    ? (expression as { expression: Expression }).expression
    : expression;
}

/** The text of a string, or of a template with `…` for each expression. */
function textOf(argument: Argument | undefined): string | undefined {
  const text = argument?.expression;
  if (text?.type === 'StringLiteral') return text.value;
  if (text?.type !== 'TemplateLiteral') return undefined;
  return text.quasis.map(({ cooked, raw }) => cooked ?? raw).join('…');
}

/** The properties of an object whose values are texts. */
function propertiesOf(node: Node): Record<string, string> {
  if (node.type !== 'ObjectExpression') return {};
  const texts: Record<string, string> = {};
  for (const property of node.properties) {
    if (property.type !== 'KeyValueProperty' || property.key.type !== 'Identifier') continue;
    const text = textOf({ expression: property.value });
    if (text !== undefined) texts[property.key.value] = text;
  }
  return texts;
}

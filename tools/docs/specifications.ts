import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rules } from '../../docs/rules/index.ts';
import type { Rule } from '../../docs/rules/rule.ts';
import { taggedTests, type TaggedTest } from './tagged-tests.ts';

/** Where tests stand, and what is told of in the same way. */
const specs = [
  '{apps,libs}/*/src/**/*.spec.ts',
  'tools/**/*.spec.ts',
  'libs/attacks/src/attacks/*.ts',
  'apps/e2e/src/attack.fixture.ts',
];

/** How many tests a rule is shown with. */
const shown = 3;

type Shown = TaggedTest & { file: string };

/**
 * `docs/specifications.md`, from the list of rules and the tests that name them.
 * @returns also what is wrong with either, a line each
 */
export function specifications(
  root = fileURLToPath(new URL('../..', import.meta.url)),
  groups = rules,
): { page: string; faults: string[] } {
  const tests = globSync(specs, { cwd: root })
    .toSorted()
    .flatMap((file) => taggedTests(readFileSync(join(root, file), 'utf8')).map((test) => ({ ...test, file })));
  const all = Object.values(groups).flat();
  return {
    page: pageOf(groups, tests),
    faults: [
      ...all.flatMap((rule, index) =>
        faultsOf(rule, all.slice(0, index), tests, (file) => existsSync(join(root, file))),
      ),
      ...tests.flatMap((test) => misnamed(test, all)),
    ],
  };
}

function faultsOf(rule: Rule, before: Rule[], tests: Shown[], exists: (file: string) => boolean): string[] {
  const { name, section, files, decision } = rule;
  const faults = [...files, ...(decision ? [decision] : [])]
    .filter((file) => !exists(file))
    .map((file) => `the rule ${name} is to be found in ${file}, which is not there`);
  if (before.some((other) => other.name === name)) faults.push(`the rule ${name} is on the list twice`);
  if (!decision && !showing(rule, tests).length) {
    faults.push(`the rule ${name} (${section}) is shown by no test, and no decision says why`);
  }
  return faults;
}

function misnamed({ file, title, tags }: Shown, all: Rule[]): string[] {
  return tags.flatMap(({ rule: name, section }) => {
    const rule = all.find((one) => one.name === name);
    if (rule?.section === section) return [];
    const fault = rule ? `${name} as a rule of ${section}, not ${rule.section}` : `${name}, which is no rule`;
    return [`${file}: "${title}" names ${fault}`];
  });
}

const showing = ({ name }: Rule, tests: Shown[]): Shown[] =>
  tests.filter(({ tags }) => tags.some(({ rule }) => rule === name));

function pageOf(groups: Readonly<Record<string, readonly Rule[]>>, tests: Shown[]): string {
  const tables = Object.entries(groups).map(([heading, list]) => {
    const rows = list.map((rule) => rowOf(rule, showing(rule, tests)));
    return `## ${heading}

| rule | section | kept by | shown by |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
  });
  return `# Specifications: rule, file, test

What Lanyard keeps to, of the specifications and of its own, where it does so, and which tests show it: they name the rule
at the end of their titles. This page is generated from the list of rules and from the tests (\`npm run docs\`).

${tables.join('\n')}`;
}

function rowOf({ name, section, text, files, decision }: Rule, tests: Shown[]): string {
  const lines = tests.slice(0, shown).map(({ file, title }, index) => {
    const isFirst = tests[index - 1]?.file !== file;
    return `${isFirst ? `${linkTo(file)} ` : ''}${escaped(title)}`;
  });
  if (tests.length > shown) lines.push(`and ${tests.length - shown} more`);
  if (decision) lines.push(`[decision ${Number(basename(decision).slice(0, 4))}](${decision.replace(/^docs\//, '')})`);
  const cells = [`\`${name}\`: ${text}`, section, files.map(linkTo).join(', '), lines.join('<br>')];
  return `| ${cells.join(' | ')} |`;
}

const linkTo = (file: string) => `[${basename(file)}](../${file})`;

/** Titles are no Markdown. */
const escaped = (title: string) => title.replaceAll(/[\\`*_|<>[\]]/g, String.raw`\$&`);

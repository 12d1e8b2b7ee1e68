import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rules } from '../../docs/rules/index.ts';
import type { Rule } from '../../docs/rules/rule.ts';
import { taggedTests, type TaggedTest } from './tagged-tests.ts';

/** The files with tests, and other files that name rules in the same way. */
const specs = [
  '{apps,libs}/*/src/**/*.spec.ts',
  'tools/**/*.spec.ts',
  'libs/attacks/src/attacks/*.ts',
  'apps/e2e/src/attack.fixture.ts',
  'libs/service-defaults/src/configuration/configuration.fixture.ts',
];

/** How many tests the page lists for a rule. */
const listedTests = 3;

type TestInFile = TaggedTest & { file: string };

/**
 * `docs/specifications.md`, from the list of rules and the tests that name them.
 * @returns the page, and one line for each fault in the rules or the tests
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

function faultsOf(rule: Rule, before: Rule[], tests: TestInFile[], exists: (file: string) => boolean): string[] {
  const { name, section, files, decision } = rule;
  const faults = [...files, ...(decision ? [decision] : [])]
    .filter((file) => !exists(file))
    .map((file) => `the rule ${name} names ${file}, which does not exist`);
  if (before.some((other) => other.name === name)) faults.push(`the rule ${name} is listed twice`);
  if (!decision && !testsOf(rule, tests).length) {
    faults.push(`the rule ${name} (${section}) has no test, and no decision says why`);
  }
  return faults;
}

function misnamed({ file, title, tags }: TestInFile, all: Rule[]): string[] {
  return tags.flatMap(({ rule: name, section }) => {
    const rule = all.find((one) => one.name === name);
    if (rule?.section === section) return [];
    const fault = rule ? `${name} as a rule of ${section}, not ${rule.section}` : `${name}, which is not a rule`;
    return [`${file}: "${title}" names ${fault}`];
  });
}

const testsOf = ({ name }: Rule, tests: TestInFile[]): TestInFile[] =>
  tests.filter(({ tags }) => tags.some(({ rule }) => rule === name));

function pageOf(groups: Readonly<Record<string, readonly Rule[]>>, tests: TestInFile[]): string {
  const tables = Object.entries(groups).map(([heading, list]) => {
    const rows = list.map((rule) => rowOf(rule, testsOf(rule, tests)));
    return `## ${heading}

| rule | section | implemented in | tested by |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
  });
  return `# Specifications: rule, file, test

This page lists the rules that Lanyard follows, from the specifications and its own. Each has the files that implement it
and the tests that prove it, which name the rule at the end of their titles. The page is generated from the list of rules
and from the tests (\`npm run docs\`).

${tables.join('\n')}`;
}

function rowOf({ name, section, text, files, decision }: Rule, tests: TestInFile[]): string {
  const lines = tests.slice(0, listedTests).map(({ file, title }, index) => {
    const isFirst = tests[index - 1]?.file !== file;
    return `${isFirst ? `${linkTo(file)} ` : ''}${escaped(title)}`;
  });
  if (tests.length > listedTests) lines.push(`and ${tests.length - listedTests} more`);
  if (decision) lines.push(`[decision ${Number(basename(decision).slice(0, 4))}](${decision.replace(/^docs\//, '')})`);
  const cells = [`\`${name}\`: ${text}`, section, files.map(linkTo).join(', '), lines.join('<br>')];
  return `| ${cells.join(' | ')} |`;
}

const linkTo = (file: string) => `[${basename(file)}](../${file})`;

/** Titles are not Markdown. */
const escaped = (title: string) => title.replaceAll(/[\\`*_|<>[\]]/g, String.raw`\$&`);

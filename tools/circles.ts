import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** Source files, without tests. */
const sources = ['{apps,libs}/*/src/**/*.ts', '{bench,tools,docs/rules}/**/*.ts'];
const notSources = ['**/*.{spec,fixture}.ts', '**/node_modules/**', '**/dist/**'];

interface Import {
  from: string;
  to: string;
}

/**
 * Finds circular imports, including types, between the files and folders within each folder of the repository.
 * @returns a line for each circle, with its imports
 */
export function circlesOf(root: string): string[] {
  const byFolder = Map.groupBy(importsIn(root), ({ from, to }) => commonFolder(from, to));
  return [...byFolder].flatMap(([folder, imports]) => {
    const arrows = Map.groupBy(imports, ({ from }) => childOf(folder, from));
    const wayBack = (start: string, here: string, seen: Set<string>): Import[] | undefined => {
      for (const one of arrows.get(here) ?? []) {
        const next = childOf(folder, one.to);
        if (next === start) return [one];
        if (seen.has(next)) continue;
        const rest = wayBack(start, next, seen.add(next));
        if (rest) return [one, ...rest];
      }
      return undefined;
    };
    const named = new Set<string>();
    return [...arrows.keys()].toSorted().flatMap((child) => {
      const way = named.has(child) ? undefined : wayBack(child, child, new Set());
      if (!way) return [];
      for (const { from } of way) named.add(childOf(folder, from));
      return [`${folder}: ${way.map(({ from, to }) => `${from} imports ${to}`).join(', ')}`];
    });
  });
}

function importsIn(root: string): Import[] {
  const files = new Set(globSync(sources, { cwd: root, exclude: notSources }).map((file) => file.replaceAll(sep, '/')));
  return [...files].flatMap((from) =>
    [...readFileSync(join(root, from), 'utf8').matchAll(/(?:\bfrom|\bimport\()\s*'([^']+)'/g)].flatMap(
      ([, specifier = '']) => {
        const to = fileOf(from, specifier);
        return files.has(to) || to.startsWith('libs/') ? [{ from, to }] : [];
      },
    ),
  );
}

/** Another project is imported by its name. */
function fileOf(from: string, specifier: string): string {
  const [, library] = /^@lanyard\/([^/]+)/.exec(specifier) ?? [];
  return library ? `libs/${library}/` : join(dirname(from), specifier).replaceAll(sep, '/');
}

function commonFolder(a: string, b: string): string {
  let folder = dirname(a);
  while (folder !== '.' && !b.startsWith(`${folder}/`)) folder = dirname(folder);
  return folder;
}

const childOf = (folder: string, file: string): string => relative(folder, file).split(sep)[0]!;

import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('..', import.meta.url));
const readJson = (file: string) => JSON.parse(readFileSync(join(repository, file), 'utf8')) as unknown;

interface Manifest {
  allowScripts?: Record<string, boolean>;
  workspaces?: string[];
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
const root = readJson('package.json') as Manifest;
const { packages } = readJson('package-lock.json') as {
  packages: Record<string, { hasInstallScript?: boolean; resolved?: string }>;
};
const nameOf = (path: string) => path.replace(/^.*node_modules\//, '');

it('package.json decides for each package with an install script whether it runs [install-scripts, Lanyard]', () => {
  const withScript = Object.entries(packages).flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript ? [nameOf(path)] : [],
  );
  expect(withScript.length).toBeGreaterThan(0);
  const decided = Object.keys(root.allowScripts ?? {});
  expect(decided.toSorted()).toEqual([...new Set(withScript)].toSorted());
});

it('every package.json names one version of each dependency, not a range [lock-file, Lanyard]', () => {
  const files = [
    'package.json',
    ...globSync(
      root.workspaces!.map((folder) => join(folder, 'package.json')),
      { cwd: repository },
    ),
  ];
  expect(files.length).toBeGreaterThan(10);
  // Peer dependencies may have a range: the users of a library install them.
  const ranges = files.flatMap((file) => {
    const { dependencies, devDependencies, optionalDependencies } = readJson(file) as Manifest;
    const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
    return Object.entries(all)
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${basename(dirname(file))}: ${name} ${version}`);
  });
  expect(ranges).toEqual([]);
});

it('CI checks dependencies for known vulnerabilities and verifies their signatures [dependency-audit, Lanyard]', () => {
  const workflow = readFileSync(join(repository, '.github/workflows/ci.yml'), 'utf8');
  expect(workflow).toMatch(/^ +run: npm audit --audit-level=critical --omit=dev$/m);
  expect(workflow).toMatch(/^ +run: npm audit signatures$/m);
});

it('every package comes from the registry, and none from another address [lock-file, Lanyard]', () => {
  // .npmrc omits addresses of the registry, so any address here is from somewhere else.
  const elsewhere = Object.values(packages).filter(({ resolved }) => resolved !== undefined && !(resolved in packages));
  expect(elsewhere).toEqual([]);
});

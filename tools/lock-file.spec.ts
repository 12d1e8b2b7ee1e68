import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';

const path = new URL('../package-lock.json', import.meta.url);

interface Locked {
  version?: string;
  integrity?: string;
  /** whether it is a link to a folder of this repository */
  link?: boolean;
}

it('package-lock.json locks every dependency to a version and a digest of its content [lock-file, Lanyard]', () => {
  const { packages } = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, Locked> };
  const dependencies = Object.entries(packages).filter(([name, { link }]) => name.includes('node_modules/') && !link);
  const loose = dependencies.filter(([, { version, integrity }]) => !version || !integrity?.startsWith('sha512-'));
  expect(dependencies.length).toBeGreaterThan(100);
  expect(loose.map(([name]) => name)).toEqual([]);
});

import { readFileSync } from 'node:fs';

/** The version in a `package.json`. */
export const versionIn = (packageJson: URL): string =>
  (JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string }).version;

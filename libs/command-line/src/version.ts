import { readFileSync } from 'node:fs';

/** The version that a `package.json` has. */
export const versionIn = (packageJson: URL): string =>
  (JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string }).version;

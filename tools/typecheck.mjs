/** Type-checks a project and its specs. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [project] = process.argv.slice(2);
const configs = ['tsconfig.json', 'tsconfig.spec.json']
  .map((name) => `${project}/${name}`)
  .filter((file) => existsSync(file));
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const { status, error } = spawnSync(process.execPath, [tsc, '-b', ...configs], { stdio: 'inherit' });
if (error) throw error;
process.exit(status ?? 1);

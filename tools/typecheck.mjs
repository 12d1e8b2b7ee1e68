/** Type-checks a project and its specs. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const [project] = process.argv.slice(2);
const configs = ['tsconfig.json', 'tsconfig.spec.json']
  .map((name) => `${project}/${name}`)
  .filter((file) => existsSync(file));
const { status, error } = spawnSync('tsc', ['-b', ...configs], { stdio: 'inherit' });
if (error) throw error;
process.exit(status ?? 1);

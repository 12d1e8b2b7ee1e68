/** Type-checks a project and its specs, in the working directory. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const configs = ['tsconfig.json', 'tsconfig.spec.json'].filter((file) => existsSync(file));
process.exit(spawnSync('tsc', ['-b', ...configs], { stdio: 'inherit' }).status ?? 1);

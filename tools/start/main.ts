import { startLanyard } from './start.ts';

await startLanyard({ dev: process.argv.includes('--dev'), environment: process.env });

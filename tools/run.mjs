/** Runs a TypeScript program of this repository: `node tools/run.mjs FILE.ts ARGUMENTS`. */
import './require-node.mjs';
import { pathToFileURL } from 'node:url';

await import('./hooks.mjs');
process.argv.splice(1, 1);
await import(pathToFileURL(process.argv[1]).href);

#!/usr/bin/env node
/** `npx lanyard` in the workspace: runs from the sources, so that it needs no build. */
import '../../../tools/require-node.mjs';

await import('../../../tools/hooks.mjs');
await import('../src/main.ts');

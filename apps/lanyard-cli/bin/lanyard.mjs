#!/usr/bin/env node
/** `npx lanyard` in the workspace: from the sources, so that no build is needed. */
import '../../../tools/require-node.mjs';

await import('../../../tools/hooks.mjs');
await import('../src/main.ts');

import { readFileSync, writeFileSync } from 'node:fs';
import { registryJsonSchema } from '@lanyard/administration';
import { auditEventReference } from './audit-event-reference.ts';
import { configurationReference } from './configuration-reference.ts';

/** Writes the docs that are generated; with --check, fails where they are not up to date. */
const generated = {
  'docs/configuration.md': configurationReference(),
  'docs/audit-events.md': auditEventReference(),
  'config/lanyard.schema.json': `${JSON.stringify(registryJsonSchema(), null, 2)}\n`,
};
for (const [file, content] of Object.entries(generated)) {
  const path = new URL(`../../${file}`, import.meta.url);
  if (!process.argv.includes('--check')) writeFileSync(path, content);
  else if (readFileSync(path, 'utf8') !== content) {
    process.stderr.write(`${file} is not up to date: npm run docs\n`);
    process.exitCode = 1;
  }
}

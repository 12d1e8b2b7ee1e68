import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { registryJsonSchema } from '@lanyard/administration';
import { auditEventReference } from './audit-event-reference.ts';
import { configurationReference } from './configuration-reference.ts';
import { outOfDate } from './out-of-date.ts';
import { specifications } from './specifications.ts';
import { readmeWithStops } from './stops.ts';

/**
 * Writes the generated docs. With --check, fails if they are out of date, or name files, rules or tests that do not
 * exist.
 */
const root = fileURLToPath(new URL('../..', import.meta.url));
const { page, faults } = specifications(root);
const { readme, faults: stopFaults } = readmeWithStops(root);
const generated: Record<string, string> = {
  ...(stopFaults.length === 0 && { 'README.md': readme }),
  'docs/configuration.md': configurationReference(),
  'docs/audit-events.md': auditEventReference(),
  'docs/specifications.md': page,
  'config/lanyard.schema.json': `${JSON.stringify(registryJsonSchema(), null, 2)}\n`,
};
if (process.argv.includes('--check')) {
  for (const line of [...outOfDate(generated, root), ...faults, ...stopFaults]) {
    process.stderr.write(`${line}\n`);
    process.exitCode = 1;
  }
} else {
  for (const [file, content] of Object.entries(generated)) writeFileSync(join(root, file), content);
}

import { auditEventSchema, auditEventTypes } from '@lanyard/administration';

/** `docs/audit-events.md`, from the list of event types and the schema of events. */
export function auditEventReference(): string {
  const types = Object.entries(auditEventTypes).map(([type, about]) => `| \`${type}\` | ${about} |`);
  const fields = Object.entries(auditEventSchema.shape).map(
    ([field, { description = '' }]) => `| \`${field}\` | ${description} |`,
  );
  return `# Audit events

This page lists the types and the fields of the events in the [audit log](administration.md#the-audit-log). It is generated
from the schema (\`npm run docs\`).

| type | when |
| --- | --- |
${types.join('\n')}

| field | description |
| --- | --- |
${fields.join('\n')}
`;
}

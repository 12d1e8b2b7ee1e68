import { auditEventSchema, auditEventTypes } from '@lanyard/administration';

/** `docs/audit-events.md`, from the list of types and the schema that the server writes events with. */
export function auditEventReference(): string {
  const types = Object.entries(auditEventTypes).map(([type, about]) => `| \`${type}\` | ${about} |`);
  const fields = Object.entries(auditEventSchema.shape).map(
    ([field, { description = '' }]) => `| \`${field}\` | ${description} |`,
  );
  return `# Audit events

What the [audit log](administration.md#the-audit-log) holds. This page is generated (\`npm run docs\`).

| type | when |
| --- | --- |
${types.join('\n')}

| field | what it is |
| --- | --- |
${fields.join('\n')}
`;
}

import type { z } from 'zod';
import * as authServer from '../../apps/auth-server/src/configuration.ts';
import { batchProcessorConfiguration } from '../../apps/batch-processor/src/configuration.ts';
import { forwardAuthConfiguration } from '../../apps/forward-auth/src/configuration.ts';
import { passedOn } from '../../apps/launcher/src/passed-on.ts';
import * as jobsApi from '../../apps/jobs-api/src/configuration.ts';

const sections: [string, z.ZodObject][] = [
  ['auth-server', authServer.authServerConfiguration],
  ['auth-server, migration step', authServer.migrationConfiguration],
  ['jobs-api', jobsApi.jobsApiConfiguration],
  ['jobs-api, migration step', jobsApi.migrationConfiguration],
  ['batch-processor', batchProcessorConfiguration],
  ['forward-auth', forwardAuthConfiguration],
];

/** `docs/configuration.md`, from the schemas of the services' configuration. */
export function configurationReference(): string {
  return `# Configuration

This page lists the settings of every service. A service reads them from environment variables. Instead of a variable
\`X\`, you can set \`X_FILE\` to the path of a file that contains the value: use this for secrets. At start, a service
reports each wrong setting by its name, without its value. This page is generated from the schemas (\`npm run docs\`).
${sections.map(([title, schema]) => `\n## ${title}\n\n${table(schema)}`).join('')}
## npm start

| variable | default | description |
| --- | --- | --- |
| \`AUTH_SERVER_PORT\` | \`3000\` | the port of the authorization server |
| \`BATCH_PROCESSOR_PORT\` | \`3001\` | the port of the batch processor |
| \`JOBS_API_PORT\` | \`3002\` | the port of the jobs API |
| \`AUTH_SERVER_MANAGEMENT_PORT\` | \`AUTH_SERVER_PORT\` + 100 | the port for its health and metrics; likewise \`BATCH_PROCESSOR_MANAGEMENT_PORT\` and \`JOBS_API_MANAGEMENT_PORT\` |
| \`LANYARD_DIRECTORY\` | \`.lanyard\` | the folder for Postgres, the key encryption key and the client secrets; its \`secrets/deployment.json\` contains the addresses of the services, for the command-line clients |

\`npm start\` also passes on ${alsoPassedOn()}, and sets \`API_DOCS=true\`.
`;
}

function alsoPassedOn(): string {
  // A former name is in no schema.
  const names = passedOn.filter((name) => sections.some(([, { shape }]) => name in shape));
  return new Intl.ListFormat('en-GB').format(names.map(inCode));
}

function table(schema: z.ZodObject): string {
  const rows = Object.entries(schema.shape).map(([name, field]) => {
    const fallback = (field as z.ZodType).safeParse(undefined);
    const shown = !fallback.success ? '**required**' : fallback.data === undefined ? '' : inCode(fallback.data);
    return `| \`${name}\` | ${shown} | ${descriptionOf(field as z.ZodType)} |`;
  });
  return `| variable | default | description |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}

const inCode = (value: unknown) => (String(value) === '' ? '' : `\`${value}\``);

/** A schema with a default wraps the schema that has the description. */
function descriptionOf(field: z.ZodType): string {
  const { innerType } = field.def as { innerType?: z.ZodType };
  const description = field.description ?? (innerType && descriptionOf(innerType));
  if (description === undefined) throw new Error('a configuration variable has no description');
  return description;
}

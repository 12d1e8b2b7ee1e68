import { readFileSync } from 'node:fs';
import { isClientIdentifier, isScopeValue, parseScope } from '@lanyard/oauth-protocol';
import { StartupError } from '@lanyard/service-defaults';
import { parseDocument } from 'yaml';
import { z } from 'zod';

const scope = z
  .string()
  .default('')
  .transform((text, context) => {
    const values = text === '' ? new Set<string>() : parseScope(text);
    if (values) return [...values];
    context.addIssue('must be scope values separated by single spaces');
    return z.NEVER;
  });

const client = z.strictObject({
  client_id: z.string().refine(isClientIdentifier, 'must be a letter, then letters, digits, ".", "_" or "-"'),
  client_name: z.string().min(1),
  grant_types: z.array(z.enum(['client_credentials'])).default(['client_credentials']),
  scope,
  default_scope: scope,
  access_token_lifetime: z.int().min(60).max(3600).optional(),
});

const resource = z.strictObject({
  identifier: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .refine((url) => !url.includes('#'), 'must have no fragment'),
  name: z.string().min(1),
  scopes: z.record(z.string().refine(isScopeValue, 'must be a scope value'), z.string()),
});

const provisioning = z
  .strictObject({ resources: z.array(resource).default([]), clients: z.array(client).default([]) })
  .superRefine(({ resources, clients }, context) => {
    const owner = new Map<string, string>();
    for (const { identifier, scopes } of resources) {
      for (const value of Object.keys(scopes)) {
        if (owner.has(value)) context.addIssue(`scope ${value} belongs to two resources`);
        owner.set(value, identifier);
      }
    }
    for (const repeated of repetitions(resources.map(({ identifier }) => identifier))) {
      context.addIssue(`resource ${repeated} is there twice`);
    }
    for (const repeated of repetitions(clients.map(({ client_id }) => client_id))) {
      context.addIssue(`client ${repeated} is there twice`);
    }
    for (const { client_id, scope, default_scope } of clients) {
      const unknown = scope.filter((value) => !owner.has(value));
      if (unknown.length > 0) context.addIssue(`client ${client_id}: no resource has the scope ${unknown.join(' ')}`);
      const beyond = default_scope.filter((value) => !scope.includes(value));
      if (beyond.length > 0)
        context.addIssue(`client ${client_id}: default_scope has more than scope: ${beyond.join(' ')}`);
      if (new Set(default_scope.map((value) => owner.get(value))).size > 1) {
        context.addIssue(`client ${client_id}: default_scope spans several resources`);
      }
    }
  });
export type Provisioning = z.infer<typeof provisioning>;

/**
 * Reads the resources and clients to register. `${NAME}` and `${NAME:-default}` are replaced from the environment, so
 * that one file serves every deployment.
 * @throws {StartupError}  with a line for each fault
 */
export function readProvisioningFile(path: string, environment: NodeJS.ProcessEnv): Provisioning {
  const document = parseDocument(interpolate(read(path), environment, path));
  if (document.errors.length > 0)
    throw new StartupError(document.errors.map(({ message }) => `${path}: ${message.split('\n')[0]}`).join('\n'));
  const parsed = provisioning.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  throw new StartupError(
    parsed.error.issues
      .map(({ path: where, message }) => `${path}: ${[where.join('.'), message].filter(Boolean).join(': ')}`)
      .join('\n'),
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartupError(`PROVISIONING_FILE cannot be read (${(error as NodeJS.ErrnoException).code}): ${path}`);
  }
}

function interpolate(text: string, environment: NodeJS.ProcessEnv, path: string): string {
  return text.replaceAll(/\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}/g, (_, name: string, fallback?: string) => {
    const value = environment[name] || fallback;
    if (value === undefined) throw new StartupError(`${path}: ${name} is not set, and has no default there`);
    return value;
  });
}

function repetitions(values: string[]): Set<string> {
  return new Set(values.filter((value, index) => values.indexOf(value) !== index));
}

import { LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { clientSchema, faultsOf } from './client.ts';
import {
  administrativeScopes,
  isAdministrative,
  reservedIn,
  resourceSchema,
  type Resource,
} from './protected-resource.ts';
import type { Fault } from './text.ts';

/** The number of faults that are listed; if there are more, one more line says so. */
const maxFaults = 100;

/** The resources and clients that a file declares. */
export const registrySchema = z
  .strictObject({
    resources: z.array(resourceSchema).default([]).describe('the services for which Lanyard issues tokens'),
    clients: z.array(clientSchema).default([]).describe('the services that obtain tokens'),
  })
  .superRefine((registry, context) => {
    for (const { path, message } of contradictionsIn(registry).take(maxFaults + 1)) {
      context.addIssue({ code: 'custom', path, message });
    }
  });
export type RegistryDescription = z.infer<typeof registrySchema>;

/** The schema for one authorization server, whose own identifiers cannot be declared. */
const registrySchemaOf = (issuer: string) =>
  registrySchema.superRefine((registry, context) => {
    for (const { path, message } of reservedIn(registry, issuer)) context.addIssue({ code: 'custom', path, message });
  });

function* contradictionsIn({
  resources,
  clients,
}: {
  resources: Resource[];
  clients: z.infer<typeof clientSchema>[];
}): Generator<Fault> {
  const owner = new Map<string, string>(Object.keys(administrativeScopes).map((value) => [value, 'administration']));
  const identifiers = new Set<string>();
  for (const [index, { identifier, scopes }] of resources.entries()) {
    for (const value of Object.keys(scopes)) {
      const path = ['resources', index, 'scopes', value];
      if (isAdministrative(value)) yield { path, message: `the scope ${value} belongs to administration` };
      else if (owner.has(value)) yield { path, message: `the scope ${value} belongs to two resources` };
      owner.set(value, identifier);
    }
    if (identifiers.has(identifier)) {
      yield { path: ['resources', index, 'identifier'], message: `resource ${identifier} is declared twice` };
    }
    identifiers.add(identifier);
  }
  const known = {
    resourceOf: (value: string) => owner.get(value),
    isResource: (identifier: string) => identifiers.has(identifier),
  };
  const clientIds = new Set<string>();
  for (const [index, client] of clients.entries()) {
    if (clientIds.has(client.client_id)) {
      yield { path: ['clients', index, 'client_id'], message: `client ${client.client_id} is declared twice` };
    }
    clientIds.add(client.client_id);
    // Resources that the file does not list may be registered already.
    for (const { path, message } of faultsOf(client, { ...known, isPart: true })) {
      yield { path: ['clients', index, ...path], message: `client ${client.client_id}: ${message}` };
    }
  }
}

/** A registry file is invalid; the message has a line for each fault, with the name of the file and the line in it. */
export class RegistryFileError extends Error {
  override readonly name = 'RegistryFileError';
}

/**
 * Reads a registry file. `${NAME}` and `${NAME:-default}` in it are replaced from the environment, so that one file
 * serves every deployment.
 * @param name    the name of the file, for messages
 * @param issuer  the issuer of the authorization server to which the file belongs
 * @throws {RegistryFileError}
 */
export function parseRegistryFile(
  text: string,
  name: string,
  environment: NodeJS.ProcessEnv,
  issuer: string,
): RegistryDescription {
  const lines = new LineCounter();
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}`;
  const document = parseDocument(interpolate(text, environment, name), { lineCounter: lines });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) throw refusal(name, broken, (e) => `${at(e.pos[0])}: ${e.message.split(' at line')[0]}`);
  const parsed = registrySchemaOf(issuer).safeParse(contentOf(document, name) ?? {});
  if (parsed.success) return parsed.data;
  throw refusal(
    name,
    parsed.error.issues.flatMap(faultsIn),
    ({ path, message }) => `${at(offsetOf(document, path))}: ${[path.join('.'), message].filter(Boolean).join(': ')}`,
  );
}

/** @returns a function that finds the place of a path in its file: the name of the file with the line */
export function linesIn(text: string, name: string, environment: NodeJS.ProcessEnv): (path: Fault['path']) => string {
  const lines = new LineCounter();
  const document = parseDocument(interpolate(text, environment, name), { lineCounter: lines });
  return (path) => `${name}:${lines.linePos(offsetOf(document, path)).line}`;
}

/** The faults that a server reports for a description (`registry.clients.0.scope`), with the lines of its file. */
export function faultsInFile(
  errors: readonly { field: string; message: string }[],
  lineAt: (path: Fault['path']) => string,
): string[] {
  return errors.map(({ field, message }) => {
    const [, ...path] = field.split('.').map((segment) => (/^\d+$/.test(segment) ? Number(segment) : segment));
    return `${lineAt(path)}: ${[path.join('.'), message].filter(Boolean).join(': ')}`;
  });
}

function refusal<T>(name: string, faults: readonly T[], lineOf: (fault: T) => string): RegistryFileError {
  const listed = faults.slice(0, maxFaults).map(lineOf);
  if (faults.length > maxFaults) listed.push(`${name}: there are more faults, which are not listed`);
  return new RegistryFileError(listed.join('\n'));
}

/** The JSON Schema of the file, for editors. */
export function registryJsonSchema(): object {
  return {
    ...z.toJSONSchema(registrySchema, { io: 'input', target: 'draft-7' }),
    title: 'The protected resources and clients of a Lanyard authorization server',
  };
}

/** The parser throws if aliases multiply without end. */
function contentOf(document: Document, name: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new RegistryFileError(`${name}: ${(error as Error).message}`);
  }
}

/** The path of an unknown key includes the key itself, not only its object. */
function faultsIn(issue: z.core.$ZodIssue): Fault[] {
  const path = issue.path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known field' }));
  }
  if (issue.code === 'invalid_key') {
    return [{ path, message: issue.issues.map(({ message }) => message).join(', ') }];
  }
  return [{ path, message: issue.message }];
}

/** The offset of a path in the text; if the path is missing, that of its nearest parent. */
function offsetOf(document: Document, path: Fault['path']): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const { items = [] } = (parent ?? {}) as { items?: YamlItem[] };
    const key = path[depth - 1];
    const item = typeof key === 'number' ? items[key] : items.find((pair) => String(pair.key?.value) === key);
    const range = item?.key?.range ?? item?.range;
    if (range) return range[0];
  }
  return 0;
}

/** A pair of a map has a key; an item of a sequence has its own range. */
interface YamlItem {
  key?: { value: unknown; range?: [number, number, number] };
  range?: [number, number, number];
}

function interpolate(text: string, environment: NodeJS.ProcessEnv, name: string): string {
  return text.replaceAll(
    /\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}/g,
    (found, variable: string, fallback: string, offset) => {
      const value = environment[variable] || fallback;
      if (value !== undefined) return value;
      const line = text.slice(0, offset).split('\n').length;
      throw new RegistryFileError(`${name}:${line}: ${found}: ${variable} is not set, and has no default there`);
    },
  );
}

import { z } from 'zod';
import { ConfigurationError } from './startup-error.ts';
import { readTextFile } from './read-text-file.ts';

/** The injection token of a service's configuration. */
export const CONFIGURATION = Symbol('configuration');

/** Replaces messages of zod that only programmers understand. */
const plainMessage = ({ code, expected }: z.core.$ZodRawIssue): string | undefined =>
  code === 'invalid_type' && (expected === 'number' || expected === 'int') ? 'must be a number' : undefined;

/**
 * Reads the configuration from environment variables. For each variable `X`, a file named by `X_FILE` may hold the
 * value instead; an empty variable counts as absent. A setting that was renamed is read under its former name too.
 * @throws {ConfigurationError}  with a line for each variable that is wrong
 */
export function readConfiguration<Schema extends z.ZodObject>(
  schema: Schema,
  environment: NodeJS.ProcessEnv,
): z.infer<Schema> {
  const problems: string[] = [];
  const unreadable = new Set<string>();
  const values = Object.fromEntries(
    Object.keys(schema.shape).map((name) => {
      const used = nameInUse(schema, name, environment);
      const value = environment[used] || undefined;
      // If the schema itself has `X_FILE`, the service reads that file each time it needs it.
      const file = `${name}_FILE` in schema.shape ? undefined : environment[`${used}_FILE`];
      if (!file) return [name, value];
      if (value !== undefined) problems.push(`${used} and ${used}_FILE are both set: choose one`);
      try {
        return [name, readTextFile(`${used}_FILE`, file).trim()];
      } catch (error) {
        problems.push((error as Error).message);
        unreadable.add(name);
        return [name, value];
      }
    }),
  );
  const parsed = schema.safeParse(values, { error: plainMessage });
  if (parsed.success && problems.length === 0) return parsed.data;
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = String(path[0]);
    if (unreadable.has(name)) continue;
    const used = nameInUse(schema, name, environment);
    problems.push(values[name] === undefined ? `${name} is not set` : `${used}: ${message}`);
  }
  throw new ConfigurationError(problems.join('\n'));
}

/** A line for each setting that is set under its former name, which is accepted for one release. */
export function renamedSettings(schema: z.ZodObject, environment: NodeJS.ProcessEnv): string[] {
  return Object.keys(schema.shape).flatMap((name) => {
    const formerName = formerNameOf(schema, name);
    if (!formerName || !isSet(formerName, environment)) return [];
    const isIgnored = nameInUse(schema, name, environment) === name;
    return [
      isIgnored
        ? `${formerName} is ignored, since ${name} is set: it is the new name of the same setting`
        : `${formerName} is now called ${name}: the former name is accepted in this release only`,
    ];
  });
}

/** The name of the setting, or its former name if only that is set. */
function nameInUse(schema: z.ZodObject, name: string, environment: NodeJS.ProcessEnv): string {
  const formerName = formerNameOf(schema, name);
  return formerName && !isSet(name, environment) && isSet(formerName, environment) ? formerName : name;
}

const isSet = (name: string, environment: NodeJS.ProcessEnv): boolean =>
  Boolean(environment[name] || environment[`${name}_FILE`]);

/** From `.meta({ formerName })`. */
const formerNameOf = ({ shape }: z.ZodObject, name: string): string | undefined =>
  (shape[name] as z.ZodType).meta()?.formerName as string | undefined;

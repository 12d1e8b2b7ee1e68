import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderOfClient } from '@lanyard/administration';
import { isPlaintext } from '@lanyard/oauth-protocol';
import { z } from 'zod';
import { UsageError } from './usage-error.ts';

export const address = z.url({
  protocol: /^https?$/,
  error: 'must be an address that begins with http:// or https://',
});

/** The settings of every command line. */
export const commonSettings = z.object({
  ISSUER: address.default('http://localhost:3000'),
  /** the address of the issuer, if it differs from its name */
  ISSUER_ADDRESS: address.optional(),
  /** with `<client_id>/client_secret` */
  SECRETS_DIRECTORY: z.string(),
  ALLOW_INSECURE_REQUESTS: z.stringbool().default(false),
});

export type CommonSettings = z.infer<typeof commonSettings>;

/** The file beside the secrets in which the migration step records the deployment that they belong to. */
const deploymentFile = 'deployment.json';

/**
 * Reads the settings of a command line from the environment, and missing ones from the file that the deployment wrote
 * beside its secrets; an empty variable counts as missing.
 * @throws {UsageError}  with a line for each invalid variable
 */
export function readSettings<Schema extends typeof commonSettings>(
  schema: Schema,
  environment: NodeJS.ProcessEnv,
): z.infer<Schema> {
  const directory = environment.SECRETS_DIRECTORY || join(environment.LANYARD_DIRECTORY || '.lanyard', 'secrets');
  const deployment = readDeployment(join(directory, deploymentFile));
  const given = Object.keys(schema.shape).flatMap((name) => (environment[name] ? [[name, environment[name]]] : []));
  const parsed = schema.safeParse({ ...deployment, ...Object.fromEntries(given), SECRETS_DIRECTORY: directory });
  if (!parsed.success) {
    throw new UsageError(parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`).join('\n'));
  }
  const { ISSUER, ISSUER_ADDRESS, ALLOW_INSECURE_REQUESTS } = parsed.data;
  const issuerAddress = ISSUER_ADDRESS ?? ISSUER;
  if (isPlaintext(issuerAddress) && !ALLOW_INSECURE_REQUESTS) {
    throw new UsageError(
      `${ISSUER_ADDRESS ? 'ISSUER_ADDRESS' : 'ISSUER'}: ${issuerAddress} is not https: secrets and tokens could be read in transit; ` +
        'in a closed network, set ALLOW_INSECURE_REQUESTS=true',
    );
  }
  return parsed.data;
}

/** The addresses that the deployment recorded, as environment variables; none if the issuer is another one. */
export function addressesOf({ SECRETS_DIRECTORY, ISSUER }: CommonSettings): Record<string, string> {
  const deployment = readDeployment(join(SECRETS_DIRECTORY, deploymentFile));
  return deployment.ISSUER === ISSUER ? deployment : {};
}

/**
 * The file with the secret of a client. A secret is only sent to the issuer that it belongs to.
 * @throws {UsageError}  if the secrets belong to another issuer
 */
export function secretFileOf({ SECRETS_DIRECTORY, ISSUER }: CommonSettings, clientId: string): string {
  const { ISSUER: owner = ISSUER } = readDeployment(join(SECRETS_DIRECTORY, deploymentFile));
  if (owner === ISSUER) return join(SECRETS_DIRECTORY, folderOfClient(clientId), 'client_secret');
  throw new UsageError(
    `the secrets in ${SECRETS_DIRECTORY} belong to ${owner}, and ISSUER is ${ISSUER}: set SECRETS_DIRECTORY too`,
  );
}

function readDeployment(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new UsageError(`${file} cannot be read: the migration step writes it again`, { cause: error });
  }
}

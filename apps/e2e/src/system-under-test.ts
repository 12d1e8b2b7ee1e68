import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Inspect,
  inspectAt,
  openSigningKeys,
  queryServer,
  recordOutput,
  type ServiceName,
} from '@lanyard/local-system';
import { basic } from './basic.ts';
import { ComposeProject } from '@lanyard/local-system/compose';

/** The system that the global setup started. */
export const issuer = process.env.E2E_ISSUER ?? '';
export const jobsApi = process.env.E2E_JOBS_API ?? '';
export const batchProcessor = process.env.E2E_BATCH_PROCESSOR ?? '';
export const directory = process.env.E2E_DIRECTORY ?? '';

export const secretOf = (clientId: string): string =>
  readFileSync(join(directory, 'secrets', clientId, 'client_secret'), 'utf8');

/** The compose project, if the system runs in containers. */
export const project = process.env.E2E_COMPOSE ? ComposeProject.from(process.env.E2E_COMPOSE) : undefined;

/** Requests a path from the management listener of a service. */
export const inspect: Inspect = project
  ? (service, path) => project.inspect(service, path)
  : inspectAt(JSON.parse(process.env.E2E_MANAGEMENT ?? '{}') as Record<ServiceName, string>);

/** Queries a database directly, as superuser. */
export const query = (database: string, sql: string): Promise<Record<string, unknown>[]> =>
  project ? project.query(database, sql) : queryServer(process.env.E2E_POSTGRES ?? '', database, sql);

/** The signing keys of the server, decrypted with its key encryption key. */
export const signingKeys = (condition?: string) =>
  openSigningKeys((sql) => query('lanyard_auth', sql), directory, condition);

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

export async function call(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) recordOutput('refusal', JSON.stringify([response.status, [...response.headers], text]));
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : { text } };
}

export function postToken(
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form).toString();
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return call(`${issuer}/oauth/token`, { method: 'POST', body, headers: { ...type, ...headers } });
}

export async function tokenOf(clientId: string, scope?: string): Promise<string> {
  const form = { grant_type: 'client_credentials', ...(scope && { scope }) };
  const { body } = await postToken(form, { authorization: basic(clientId, secretOf(clientId)) });
  return String(body.access_token);
}

import pc from 'picocolors';
import type { Line } from '../system/index.ts';

type Fields = Record<string, unknown>;

const colors: Record<string, (text: string) => string> = {
  'auth-server': pc.magenta,
  'jobs-api': pc.cyan,
  'batch-processor': pc.yellow,
};

/** Turns a log line into a sentence for somebody who watches; undefined for what would only distract. */
export function trace({ service, text, fields }: Line): string | undefined {
  if (!fields) return `    ${pc.dim(text)}`;
  const sentence = sentenceOf(service, fields);
  if (sentence === undefined) return undefined;
  const time = String(fields.time).slice(11, 23);
  return `${pc.dim(time)}  ${(colors[service] ?? pc.white)(service.padEnd(15))}  ${sentence}`;
}

function sentenceOf(service: string, fields: Fields): string | undefined {
  if (fields.msg === 'request') return requestSentence(service, fields);
  const sentence = sentences[String(fields.msg)];
  if (sentence) return sentence(fields);
  return fields.level === 'warn' || fields.level === 'error' || fields.level === 'fatal'
    ? pc.red(`${String(fields.msg)} ${reasonOf(fields)}`)
    : undefined;
}

const sentences: Record<string, (fields: Fields) => string | undefined> = {
  'client authentication refused': ({ client_id: client, reason }) =>
    pc.red(`refuses ${client ?? 'a client'}: ${reason}`),
  'access refused': ({ error, reason, needed, client_id: client }) =>
    pc.red(
      `refuses ${client ?? 'a request'}: ${error}${needed ? `, needed: ${needed}` : ''}${reason ? ` (${reason})` : ''}`,
    ),
  'access token obtained': ({ granted, expiresIn }) =>
    `has an access token now: ${pc.bold(String(granted))}, for ${minutes(Number(expiresIn))}; kept in memory until shortly before`,
  'run started': ({ trigger }) => `begins a run (${trigger})`,
  'jobs claimed': ({ jobs }) => `claimed ${jobs} ${jobs === 1 ? 'job' : 'jobs'}`,
  'job succeeded': ({ file, rows }) => `${pc.green('finished')} ${file}: ${rows} rows`,
  'job failed': ({ file, reason }) => pc.red(`failed at ${file}: ${reason}`),
  'job handed back': ({ file }) => `hands back ${file}`,
  'run ended': ({ processed }) =>
    `ends the run: ${
      Object.entries(processed ?? {})
        .map(([outcome, jobs]) => `${jobs} ${outcome}`)
        .join(', ') || 'nothing to do'
    }`,
  'run failed': (fields) => pc.red(`the run failed, it is tried again: ${reasonOf(fields)}`),
  "a problem with the authorization server's keys": waits,
  'a problem with the list of revocations': waits,
  'the list of revocations is up to date again': () => 'hears again of what is revoked',
  listening: () => undefined,
};

function waits(fields: Fields): string {
  return /ECONNREFUSED|has not given its keys/.test(reasonOf(fields))
    ? pc.dim('waits for the authorization server')
    : pc.red(`${String(fields.msg)} ${reasonOf(fields)}`);
}

function requestSentence(service: string, fields: Fields): string | undefined {
  const { method, route, status, client_id: client, ms } = fields;
  const answer = `${Number(status) < 400 ? pc.green(String(status)) : pc.red(String(status))} ${pc.dim(`${ms} ms`)}`;
  if (service === 'auth-server') {
    if (route === '/oauth/token' && status === 200) {
      return `issues an access token to ${pc.bold(String(client))}: ${fields.scope}, for ${fields.audience}  ${answer}`;
    }
    if (route === '/oauth/revoke' && fields.jti !== undefined)
      return `revokes an access token of ${pc.bold(String(client))}  ${answer}`;
    if (route === '/admin/revocations' && method === 'POST')
      return `revokes access tokens, as ${pc.bold(String(client))} says  ${answer}`;
    if (route === '/oauth/revocations')
      return status === 200 ? `sends the list of revocations to ${pc.bold(String(client))}` : undefined;
    if (route === '/.well-known/jwks.json') return `serves its public keys  ${answer}`;
    return route === '/oauth/token' ? `${method} ${route}  ${answer}` : undefined;
  }
  // The command line asks over and over whether its jobs are done.
  if (!client || (method === 'GET' && route === '/jobs/:id')) return undefined;
  const more = fields.claimed === undefined ? '' : `, ${fields.claimed} claimed`;
  return `${method} ${route}  token of ${pc.bold(String(client))} is valid${more}  ${answer}`;
}

const minutes = (seconds: number) => (seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`);

function reasonOf({ err, reason }: Fields): string {
  return String((err as { message?: string } | undefined)?.message ?? reason ?? '');
}

import { escapeControls } from '@lanyard/oauth-protocol';
import pc from 'picocolors';

/** The fields of a log line. */
export type LineFields = Record<string, unknown>;

/** A log line as a sentence for people who watch; undefined for lines that would only distract. */
export function sentenceOf(service: string, line: LineFields): string | undefined {
  const fields = visible(line);
  if (isDistraction(fields)) return undefined;
  const sentence = knownSentence(service, fields);
  if (sentence !== undefined || isKnown(fields)) return sentence;
  return isTrouble(fields) ? pc.red(`${String(fields.msg)} ${reasonOf(fields)}`) : undefined;
}

/**
 * A log line as plain text; empty for lines that would only distract. Warnings and errors keep every field, errors also
 * the stack.
 */
export function textOf(service: string, line: LineFields): string {
  if (isDistraction(line)) return '';
  const sentence = knownSentence(service, visible(line));
  const isWrong = isTrouble(line) || Number(line.status) >= 400;
  const text = sentence === undefined ? [escapeControls(String(line.msg)), ...fieldsOf(line)].join('  ') : sentence;
  const more = sentence !== undefined && isWrong ? pc.dim(['', ...fieldsOf(line)].join('  ')) : '';
  const time = pc.dim(String(line.time).slice(11, 23));
  return `${time}  ${sentence === undefined && isTrouble(line) ? pc.red(text) : text}${more}${stackOf(line)}\n`;
}

const isKnown = ({ msg }: LineFields) => msg === 'request' || Object.hasOwn(sentences, String(msg));

function knownSentence(service: string, fields: LineFields): string | undefined {
  return fields.msg === 'request' ? requestSentence(service, fields) : sentences[String(fields.msg)]?.(fields);
}

/** Polls: services that wait for keys fetch the metadata again and again, and the command line polls its jobs. */
const isDistraction = ({ method, route, status }: LineFields) =>
  method === 'GET' &&
  Number(status) < 400 &&
  (route === '/jobs/:id' || route === '/.well-known/oauth-authorization-server');

const isTrouble = ({ level }: LineFields) => ['warn', 'error', 'fatal'].includes(String(level));

/** Fields that every line has, or that are shown elsewhere. */
const omitted = new Set(['service', 'time', 'msg', 'err', 'stack']);

const fieldsOf = (line: LineFields): string[] =>
  Object.entries(line).flatMap(([name, value]) =>
    omitted.has(name) || (name === 'level' && value === 'info') || value === undefined || value === null
      ? []
      : [escapeControls(`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)],
  );

function stackOf({ level, err, stack = (err as { stack?: string } | undefined)?.stack }: LineFields): string {
  if (level === 'warn') return '';
  const rows = typeof stack === 'string' ? stack.split('\n') : [];
  return rows.map((row) => pc.dim(`\n    ${escapeControls(row)}`)).join('');
}

/** Escapes control characters, so that text from callers cannot control the terminal. */
const visible = (fields: LineFields): LineFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? escapeControls(value) : value]),
  );

const sentences: Record<string, (fields: LineFields) => string | undefined> = {
  'client authentication refused': ({ client_id: client, reason }) =>
    pc.red(`refuses ${client ?? 'a client'}: ${reason}`),
  'access refused': ({ error, reason, needed, client_id: client }) =>
    pc.red(
      `refuses ${client ?? 'a request'}: ${error}${needed ? `, needed: ${needed}` : ''}${reason ? ` (${reason})` : ''}`,
    ),
  'access token obtained': ({ granted, expiresIn }) =>
    `obtained an access token: ${pc.bold(String(granted))}, valid for ${minutes(Number(expiresIn))}; kept in memory`,
  'run started': ({ trigger }) => `begins a run (${trigger})`,
  'jobs claimed': ({ jobs }) => `claimed ${jobs} ${jobs === 1 ? 'job' : 'jobs'}`,
  'job succeeded': ({ file, rows }) => `${pc.green('finished')} ${file}: ${rows} ${rows === 1 ? 'row' : 'rows'}`,
  'job failed': ({ file, reason }) => pc.red(`failed on ${file}: ${reason}`),
  'job handed back': ({ file }) => `hands back ${file}`,
  'run ended': ({ processed }) =>
    `ends the run: ${
      Object.entries(processed ?? {})
        .map(([outcome, jobs]) => `${jobs} ${outcome}`)
        .join(', ') || 'nothing to do'
    }`,
  'run failed': (fields) => pc.red(`the run failed and will be retried: ${reasonOf(fields)}`),
  "a problem with the authorization server's keys": connectionProblem,
  'a problem with the revocation list': connectionProblem,
  'the revocation list is current again': () => 'has the current revocation list again',
  listening: () => undefined,
};

function connectionProblem(fields: LineFields): string {
  return /ECONNREFUSED|have not been fetched/.test(reasonOf(fields))
    ? pc.dim('waits for the authorization server')
    : pc.red(`${String(fields.msg)} ${reasonOf(fields)}`);
}

function requestSentence(service: string, fields: LineFields): string | undefined {
  const { method, route, status, client_id: client, ms } = fields;
  const answer = `${Number(status) < 400 ? pc.green(String(status)) : pc.red(String(status))} ${pc.dim(`${ms} ms`)}`;
  if (service === 'auth-server') {
    if (route === '/oauth/token' && status === 200) {
      return `issues an access token to ${pc.bold(String(client))}: ${fields.scope}, for ${fields.audience}  ${answer}`;
    }
    if (route === '/oauth/revoke' && fields.jti !== undefined)
      return `revokes an access token of ${pc.bold(String(client))}  ${answer}`;
    if (route === '/admin/revocations' && method === 'POST')
      return client ? `revokes access tokens, requested by ${pc.bold(String(client))}  ${answer}` : undefined;
    if (route === '/oauth/revocations')
      return status === 200 ? `sends the revocation list to ${pc.bold(String(client))}` : undefined;
    if (route === '/.well-known/jwks.json') return `serves its public keys  ${answer}`;
    if (route === '/.well-known/oauth-authorization-server') return `serves its metadata  ${answer}`;
    return route === '/oauth/token' ? `${method} ${route}  ${answer}` : undefined;
  }
  if (!client) return undefined;
  const more = fields.claimed === undefined ? '' : `, ${fields.claimed} claimed`;
  return `${method} ${route}  token of ${pc.bold(String(client))} is valid${more}  ${answer}`;
}

const minutes = (seconds: number) => (seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`);

function reasonOf({ err, reason }: LineFields): string {
  return escapeControls(String((err as { message?: string } | undefined)?.message ?? reason ?? ''));
}

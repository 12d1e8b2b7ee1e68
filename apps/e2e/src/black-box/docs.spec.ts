import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { batchProcessor, call, directory, issuer, jobsApi, project } from '../system-under-test.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const addresses = { 'localhost:3000': issuer, 'localhost:3001': batchProcessor, 'localhost:3002': jobsApi };

/** A command that a page shows, and the answer below it, if any. */
const example = /^```sh\n([^]*?)^```\n(?:\n^```(?:http|json)\n([^]*?)^```\n)?/gm;

/** Pages show how to read a secret from processes and from containers. This marks the way not under test. */
const otherWay = project ? '.lanyard/secrets' : 'docker compose';

/** Replaces the addresses and folders that a page shows with those of the system under test. */
function toReal(command: string): string {
  const real = Object.entries(addresses).reduce(
    (text, [shown, url]) => text.replaceAll(shown, new URL(url).host),
    command,
  );
  return real.replaceAll('.lanyard/secrets', join(directory, 'secrets'));
}

function toShown(output: string): string {
  const shown = Object.entries(addresses).reduce(
    (text, [host, url]) => text.replaceAll(new URL(url).host, host),
    output,
  );
  return shown
    .replaceAll('\r', '')
    .replaceAll(
      /^(date|keep-alive|connection|content-length|referrer-policy|content-security-policy|x-content-type-options):.*\n/gim,
      '',
    )
    .replaceAll(/^\{.*\}$/gm, (json) => JSON.stringify(JSON.parse(json), null, 2))
    .replaceAll(/eyJ[\w-]{6}[\w.-]+/g, 'eyJhbGciOi…');
}

/** Replaces the values that differ from run to run with placeholders. */
const comparable = (text: string) =>
  text
    .trim()
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<uuid>')
    .replaceAll(/"(iat|exp)": \d+/g, '"$1": <time>')
    .replaceAll(/"(jti|grant_id)": "[\w-]{22}"/g, '"$1": "<id>"')
    .replaceAll(/"(kid|x|y)": "[\w-]{43}"/g, '"$1": "<key>"');

describe.each(['README.md', 'docs/walkthrough.md'])('%s', (page) => {
  const path = join(repository, page);
  const text = readFileSync(path, 'utf8');
  const examples = [...text.matchAll(example)].filter(
    ([, command = '']) => /curl|SECRET=/.test(command) && !command.includes(otherWay),
  );

  it('shows commands that work, with the answers that they get', () => {
    const marker = '\n=====\n';
    const script = examples
      .map(([, command]) => toReal(command ?? ''))
      .join(`printf '${marker.replaceAll('\n', '\\n')}'\n`);
    const environment = project?.environment ?? process.env;
    const options = { cwd: repository, env: environment, encoding: 'utf8' } as const;
    const output = execFileSync('bash', ['-euo', 'pipefail', '-c', script], options);
    const answers = output.split(marker).map(toShown);
    expect(answers).toHaveLength(examples.length);
    if (process.env.UPDATE_DOCS) writeFileSync(path, updated(text, answers));
    for (const [index, [, command, answer]] of examples.entries()) {
      if (answer !== undefined)
        expect([command, comparable(answers[index] ?? '')]).toEqual([command, comparable(answer)]);
      else expect(answers[index]).toEqual(command?.includes('curl') ? expect.stringContaining('access_token') : '');
    }
  });
});

it('links only to addresses that answer a reader', async () => {
  const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: repository, encoding: 'utf8' }).trim().split('\n');
  const links = pages.flatMap((page) =>
    [...readFileSync(join(repository, page), 'utf8').matchAll(/[<(](http:\/\/localhost[^\s>)]*)[>)]/g)].map(
      ([, link = '']) => link,
    ),
  );
  expect(links.length).toBeGreaterThan(3);
  const answers = await Promise.all([...new Set(links)].map(async (link) => [link, (await call(toReal(link))).status]));
  expect(answers.filter(([, status]) => status !== 200)).toEqual([]);
});

function updated(text: string, answers: string[]): string {
  const rest = [...answers];
  return text.replaceAll(example, (block: string, command: string, answer: string | undefined) => {
    if (!/curl|SECRET=/.test(command) || command.includes(otherWay)) return block;
    const real = rest.shift() ?? '';
    if (answer === undefined) return block;
    const kind = real.startsWith('HTTP/') ? 'http' : 'json';
    return `\`\`\`sh\n${command}\`\`\`\n\n\`\`\`${kind}\n${real.trim()}\n\`\`\`\n`;
  });
}

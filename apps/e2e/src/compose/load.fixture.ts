import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ComposeProject } from '@lanyard/local-system/compose';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));

export interface Outcome {
  tokens: number;
  calls: number;
  /** ids of jobs that the jobs API acknowledged */
  created: string[];
  failures: string[];
}

/** @returns a function that stops the load and returns its outcome */
export function startLoad(project: ComposeProject, clientSecret: string): () => Promise<Outcome> {
  const child = spawn(process.execPath, ['tools/run.mjs', 'apps/e2e/src/compose/load.ts'], {
    cwd: repository,
    env: { PATH: process.env.PATH, ...project.urls, CLIENT_SECRET: clientSecret },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const output = text(child.stdout);
  const ended = once(child, 'exit');
  return async () => {
    child.stdin.end();
    await ended;
    return JSON.parse(await output) as Outcome;
  };
}

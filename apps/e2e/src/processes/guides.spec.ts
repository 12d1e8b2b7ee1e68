import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
let system: RecordedSystem;

beforeAll(async () => {
  system = await startSystem();
}, 60_000);
afterAll(async () => {
  await system?.stop();
});

describe('the guide', () => {
  it.each([
    [
      'administration.md',
      /valid: issued by [^]*nothing to change\n[^]*│ announced │[^]*0 signing keys were encrypted with another key[^]*intact: [^]*"client_id":"billing"/,
    ],
    [
      'revocation.md',
      /revoked\nrevoked\nrevoked\n[^]*│ one token +│ T5yCP9XxLLtiAn0bP7hTPA │[^]*"revoked":\{[^]*"jti":\{[^]*"active":true,"scope":"jobs:read jobs:write"/,
    ],
  ])(
    'docs/%s shows commands that work in sequence',
    (name, expected) => {
      const page = readFileSync(join(repository, 'docs', name), 'utf8');
      const blocks = [...page.matchAll(/^ *```sh\n([^]*?)^ *```\n/gm)].map(([, text = '']) => text);
      expect(blocks.length).toBeGreaterThanOrEqual(3);
      const script = blocks
        .join('\n')
        .replaceAll('localhost:3000', new URL(system.urls.issuer).host)
        .replaceAll('.lanyard/secrets', system.secretsDirectory)
        .replaceAll('>audit.jsonl', `>${join(system.directory, 'audit.jsonl')}`);
      const output = execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: repository,
        encoding: 'utf8',
        env: {
          PATH: process.env.PATH,
          HOME: system.directory,
          NO_COLOR: '1',
          ISSUER: system.urls.issuer,
          JOBS_API_URL: system.urls.jobsApi,
          BATCH_PROCESSOR_URL: system.urls.batchProcessor,
          SECRETS_DIRECTORY: system.secretsDirectory,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(output).toMatch(expected);
    },
    180_000,
  );
});

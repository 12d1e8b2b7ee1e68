import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('..', import.meta.url));
const example = /^```ts\n([^]*?)^```\n\nprints\n\n```text\n([^]*?)^```/gm;

/** Runs the programs in the libraries' READMEs, and compares their output with the output shown below them. */
describe.each([
  'administration',
  'oauth-protocol',
  'access-token',
  'resource-server',
  'service-defaults',
  'testing',
  'embedded-postgres',
])('libs/%s/README.md', (library) => {
  const folder = join(repository, 'libs', library);
  const examples = [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(example)];

  it('has an example', () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  it.each(examples.map(([, code = '', printed = ''], index) => ({ code, printed, number: index + 1 })))(
    'shows the output of example $number',
    async ({ code, printed, number }) => {
      // Inside the library, so that imports resolve as they do for the library.
      const program = join(folder, `.readme-example-${number}.ts`);
      writeFileSync(program, code);
      try {
        const { stdout } = await promisify(execFile)(
          process.execPath,
          ['--import', join(repository, 'tools/hooks.mjs'), program],
          {
            env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: undefined },
          },
        );
        expect(stdout).toBe(printed);
      } finally {
        rmSync(program);
      }
    },
  );
});

import { execFile } from 'node:child_process';
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../temporary-directory.ts';
import { docker } from '@lanyard/local-system/compose';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const execute = promisify(execFile);

let directory: string;
const images = ['lanyard-e2e-one', 'lanyard-e2e-another'] as const;
const [one, another] = images;
beforeAll(async () => {
  directory = await temporaryDirectory();
  await copySources(join(directory, 'one'));
  await build(one, join(directory, 'one'));
}, 300_000);
afterAll(async () => {
  await docker('image', 'rm', '--force', ...images);
  await rm(directory, { recursive: true, force: true });
});

async function copySources(to: string): Promise<void> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await execute('git', list, { cwd: repository });
  for (const file of stdout.split('\0').filter(Boolean)) {
    // The list includes files that were deleted but not committed.
    await cp(join(repository, file), join(to, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

async function build(image: string, from: string, ...options: string[]): Promise<void> {
  const variables = ['APP=auth-server', 'SOURCE_DATE_EPOCH=0'].flatMap((variable) => ['--build-arg', variable]);
  await docker('build', '--quiet', '--tag', image, ...variables, ...options, from);
}

/** Every file that the image adds to Debian, with mode, owner, time and digest; its creation time and its settings. */
async function contentOf(image: string) {
  // Not the digests of layers: an engine that has built a layer's parent twice writes the same files in another order.
  const script = `find /lanyard /usr -printf '%M %U %G %T@ %p %l\\n' | sort
    find /lanyard /usr -type f -exec sha256sum {} + | sort`;
  const files = await docker('run', '--rm', '--user', '0', '--entrypoint', 'sh', image, '-c', script);
  const [{ Created, Config }] = JSON.parse(await docker('image', 'inspect', image)) as [Record<string, unknown>];
  return { Created, Config, files: files.split('\n') };
}

describe('an image', () => {
  it('is identical when the same sources are built again elsewhere [reproducible-images, Lanyard]', async () => {
    // In another folder, written at another time, with another umask.
    await cp(join(directory, 'one'), join(directory, 'another'), { recursive: true });
    await execute('chmod', ['-R', 'go-rwx', join(directory, 'another')]);
    await build(another, join(directory, 'another'), '--no-cache');
    const content = await contentOf(one);
    for (const file of ['/usr/local/bin/node', '/lanyard/apps/auth-server/dist/main.js']) {
      expect(content.files).toContainEqual(expect.stringMatching(`^[0-9a-f]{64}  ${file}$`));
    }
    expect(await contentOf(another)).toEqual(content);
  }, 300_000);

  it('contains exactly the packages of its bill of materials [lock-file, Lanyard]', async () => {
    await execute('npm', ['run', '--silent', 'sbom'], { cwd: repository });
    const bill = JSON.parse(await readFile(join(repository, '.sbom/auth-server.cdx.json'), 'utf8')) as {
      components: { purl: string }[];
    };
    const billed = bill.components.map(({ purl }) => decodeURIComponent(purl.replace('pkg:npm/', '')));
    const script = `for (const file of fs.globSync('/lanyard/**/node_modules/{[^@]*,@*/*}/package.json')) {
      const { name, version } = JSON.parse(fs.readFileSync(file)); console.log(name + '@' + version); }`;
    const installed = (await docker('run', '--rm', '--entrypoint', 'node', one, '-e', script)).trim().split('\n');
    expect(installed.length).toBeGreaterThan(100);
    const ours = (name: string) => name.startsWith('@lanyard/');
    expect([...new Set(installed.filter((name) => !ours(name)))].toSorted()).toEqual(
      billed.filter((name) => !ours(name)).toSorted(),
    );
  }, 60_000);
});

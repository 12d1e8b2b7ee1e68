import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const apps = ['auth-server', 'jobs-api', 'batch-processor', 'forward-auth', 'jobs-cli', 'lanyard-cli'];
const output = '.sbom';

interface Manifest {
  devDependencies?: unknown;
  optionalDependencies?: unknown;
  overrides?: unknown;
}
interface Lock {
  packages: Record<string, Manifest & { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
}
interface Component {
  'bom-ref': string;
  purl: string;
}
interface BillOfMaterials {
  metadata: { component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}
const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as unknown;
const writeJson = (file: string, value: unknown) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

/**
 * `npm run sbom`: lists the npm packages in the image of each app, as CycloneDX. Uses npm itself and only the lock
 * file.
 */
const directory = manifestsForProduction();
rmSync(output, { recursive: true, force: true });
mkdirSync(output);
for (const app of apps) {
  const bill = billOf(app);
  const file = join(output, `${app}.cdx.json`);
  writeJson(file, bill);
  process.stdout.write(`${file}: ${bill.components.length} packages\n`);
}
rmSync(directory, { recursive: true });

/**
 * Copies the manifests and the lock file, without the packages that `npm ci --omit=dev --omit=optional` leaves out.
 * With the same options, `npm sbom` would also leave out packages that one project needs for development and another to
 * run.
 */
function manifestsForProduction(): string {
  const copy = mkdtempSync(join(tmpdir(), 'lanyard-sbom-'));
  const lock = readJson('package-lock.json') as Lock;
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.dev || entry.optional || entry.devOptional) delete lock.packages[path];
    leaveOut(entry);
    if (path.includes('node_modules/')) continue;
    mkdirSync(join(copy, path), { recursive: true });
    writeJson(join(copy, path, 'package.json'), leaveOut(readJson(join(path, 'package.json')) as Manifest));
  }
  writeJson(join(copy, 'package-lock.json'), lock);
  return copy;
}

function leaveOut(manifest: Manifest): Manifest {
  delete manifest.devDependencies;
  delete manifest.optionalDependencies;
  delete manifest.overrides;
  return manifest;
}

function billOf(app: string): BillOfMaterials {
  const args = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only', `--workspace=apps/${app}`];
  const options = { cwd: directory, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 } as const;
  const bill = JSON.parse(execFileSync('npm', args, options)) as BillOfMaterials;
  // npm names the whole repository as the subject.
  const repository = bill.metadata.component;
  const subject = bill.components.find(({ purl }) => purl.startsWith(`pkg:npm/%40lanyard/${app}@`));
  if (!subject) throw new Error(`${app} is not in its own bill of materials`);
  bill.metadata.component = subject;
  bill.components = bill.components.filter((component) => component !== subject);
  bill.dependencies = bill.dependencies.filter(({ ref }) => ref !== repository['bom-ref']);
  return bill;
}

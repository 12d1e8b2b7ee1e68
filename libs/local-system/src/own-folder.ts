import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { access, constants, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@lanyard/administration';

/** Allows one launcher per folder, since a second one would change the passwords of the first one's databases. */
export async function claimFolder(directory: string): Promise<void> {
  try {
    makeFolder(directory, 0o711);
    if (!(await stat(directory)).isDirectory()) throw Object.assign(new Error('no folder'), { code: 'ENOTDIR' });
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`LANYARD_DIRECTORY cannot be used (${code}): ${directory}`, { cause: error });
  }
  await requireNoLauncher(directory);
  await writeFile(pidFileIn(directory), String(process.pid));
}

const pidFileIn = (directory: string) => join(directory, 'launcher-pid');

/** @throws if another process runs Lanyard in this folder */
export async function requireNoLauncher(directory: string): Promise<void> {
  const pid = await readFile(pidFileIn(directory), 'utf8').catch(() => '');
  if (pid !== '' && pid !== String(process.pid) && isLauncher(Number(pid))) {
    throw new Error(`${directory} is in use by process ${pid}: stop that first, or set LANYARD_DIRECTORY`);
  }
}

/** Another program may have the id of an ended launcher. */
function isLauncher(pid: number): boolean {
  return commandOf(pid).replaceAll('\\', '/').includes('apps/launcher/src/main.ts');
}

/** The command line of a process; empty if it does not exist. Slim containers have no `ps`. */
function commandOf(pid: number): string {
  if (process.platform === 'linux') return readIfThere(`/proc/${pid}/cmdline`);
  const [program, args] =
    process.platform === 'win32'
      ? [
          'powershell',
          ['-NoProfile', '-Command', `(Get-CimInstance Win32_Process -Filter ProcessId=${pid}).CommandLine`],
        ]
      : ['ps', ['-ww', '-o', 'args=', '-p', String(pid)]];
  return spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '';
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

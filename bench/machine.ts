import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** When rates are measured, the server has its own core; the load, Postgres and everything else share another one. */
export const cores = { measured: 0, others: 1 } as const;

/** Binds a process to some cores, with all its threads and its future child processes. */
export function pin(pid: number, ...allowed: number[]): void {
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', allowed.join(), String(pid)]);
  if (status !== 0) throw new Error('processes cannot be bound to cores: the benchmark needs Linux and taskset');
}

export function requireCores(): void {
  if (availableParallelism() < 2) throw new Error('the benchmark needs two cores: one is only for the server');
  pin(process.pid, cores.others);
}

/** The conditions that explain differences between two runs. */
export const conditions = (): string =>
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores; Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`;

/** Resident memory of a process, MB. */
export function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** The peak resident memory of a process, MB. */
export function peakMemoryOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Processor time that the threads of a process have used, seconds. */
export function cpuTimeOf(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user, system] = fields.split(' ').slice(11, 13).map(Number);
  return (user! + system!) / 100;
}

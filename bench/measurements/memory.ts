import { setTimeout as sleep } from 'node:timers/promises';
import { memoryOf } from '../machine.ts';
import { atMost, digits, type Findings } from '../report/report.ts';

/**
 * Compares the resident memory of idle services with an empty application of Nest and Fastify, and with one that
 * collects its garbage before it listens, as Lanyard's services do.
 */
export async function measureMemoryAtRest(
  services: { name: string; pid: number }[],
  { empty, collected }: Record<'empty' | 'collected', { pid: number }>,
  seconds: number,
  progress: (text: string) => void,
): Promise<Findings> {
  progress(`memory at rest: ${seconds} seconds of rest`);
  await sleep(seconds * 1000);
  const base = memoryOf(empty.pid);
  const found = services.map(({ name, pid }) => ({ name, memory: memoryOf(pid) }));
  return {
    tables: [
      {
        title: 'Memory at rest',
        rows: [
          { what: 'empty Nest + Fastify application', value: `${digits(base)} MB` },
          { what: 'the same, which collects garbage once', value: `${digits(memoryOf(collected.pid))} MB` },
          ...found.map(({ name, memory }) => ({ what: name, value: `${digits(memory)} MB` })),
        ],
      },
    ],
    budget: found.map(({ name, memory }) =>
      atMost(`memory of an idle ${name}, of an empty application`, memory / base, 1.3),
    ),
    figures: {
      'memory at rest, MB': {
        empty: base,
        collected: memoryOf(collected.pid),
        ...Object.fromEntries(found.map((one) => [one.name, one.memory])),
      },
    },
  };
}

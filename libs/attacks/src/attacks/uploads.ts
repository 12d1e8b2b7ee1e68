import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { bearer, call, connectTo, counted, statusesIn } from '../http.ts';
import type { Target } from '../target.ts';

type Usage = Record<'files' | 'bytes' | 'uploads', number>;

export const uploads: Attack[] = [
  {
    name: 'interrupted uploads',
    rule: '[upload-leaves-nothing, Lanyard]',
    tries: 'a hundred uploads that announce a gigabyte, send a megabyte and then disconnect',
    stoppedBy: 'the service removes the chunks of an interrupted upload at once, and releases its quota',
    async run(target) {
      const before = await usageOf(target);
      for (let i = 0; i < 25; i++) {
        const begun = await Promise.all(Array.from({ length: 4 }, () => begin(target, 1024 ** 3, 1024 ** 2)));
        for (const { socket } of begun) socket.destroy();
      }
      const after = await settled(target);
      assert(
        after.bytes <= before.used.bytes && after.files <= before.used.files,
        `${after.bytes - before.used.bytes} bytes in ${after.files - before.used.files} files are left`,
      );
      // Unique content, so that no existing file is deleted.
      const { status, body } = await upload(target, `a,b\n1,${randomUUID()}\n`);
      assert(status === 201, `a complete upload after them: ${status}`);
      const deleted = await remove(target, String(body.id));
      assert(deleted.status === 204, `its deletion: ${deleted.status}`);
      return `${after.files} files and ${after.bytes} bytes before and after; then 201 for a complete one`;
    },
  },
  {
    name: 'more than the quota',
    rule: '[file-quota, Lanyard]',
    tries: 'concurrent uploads that announce more bytes than a client may store, and more uploads than it may send',
    stoppedBy: 'each upload reserves its length in one database row shared by all replicas; 413 or 429 before the body',
    async run(target) {
      const { used, allowed } = await usageOf(target);
      const size = Math.min(4 * 1024 ** 3, allowed.bytes);
      const count = allowed.uploads + 4;
      const begun = await Promise.all(Array.from({ length: count }, () => begin(target, size, 0)));
      // Admitted uploads get no answer before they end.
      await waitFor(async () => (await usageOf(target)).used.uploads + refused(begun).length >= count);
      const statuses = refused(begun);
      for (const { socket } of begun) socket.destroy();
      const admitted = count - statuses.length;
      const room = Math.min(
        allowed.uploads,
        allowed.files - used.files,
        Math.floor((allowed.bytes - used.bytes) / size),
      );
      assert(
        statuses.every((status) => status === 413 || status === 429),
        counted(statuses),
      );
      assert(admitted <= room, `${admitted} were admitted, but there is room for only ${room}`);
      await settled(target);
      return `${admitted} admitted, ${counted(statuses)}`;
    },
  },
];

interface Begun {
  socket: Socket;
  received: () => string;
}

const refused = (begun: Begun[]): number[] => begun.flatMap(({ received }) => statusesIn(received()));

/** Begins an upload that announces some bytes and sends a part of them. */
async function begin(target: Target, announced: number, sent: number): Promise<Begun> {
  const socket = connectTo(target.jobsApi);
  let answer = '';
  socket.on('error', () => undefined).on('data', (chunk) => (answer += String(chunk)));
  await once(socket, 'connect');
  const authorization = `Bearer ${await target.tokenOf('batch-processor')}`;
  const headers = [
    'host: localhost',
    `authorization: ${authorization}`,
    'content-type: text/csv',
    `content-length: ${announced}`,
  ];
  socket.write(`POST /files HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
  if (sent > 0) await new Promise((resolve) => socket.write('x'.repeat(sent), resolve));
  return { socket, received: () => answer };
}

async function upload(target: Target, content: string) {
  const headers = { ...bearer(await target.tokenOf('batch-processor')).headers, 'content-type': 'text/csv' };
  return call(`${target.jobsApi}/files`, { method: 'POST', headers, body: content });
}

async function remove(target: Target, id: string) {
  const { headers } = bearer(await target.tokenOf('batch-processor'));
  return call(`${target.jobsApi}/files/${id}`, { method: 'DELETE', headers });
}

async function usageOf(target: Target): Promise<{ used: Usage; allowed: Usage }> {
  const { body } = await call(`${target.jobsApi}/files?limit=1`, bearer(await target.tokenOf('batch-processor')));
  return body as unknown as { used: Usage; allowed: Usage };
}

/** The usage once no upload is in progress. */
async function settled(target: Target): Promise<Usage> {
  await waitFor(async () => (await usageOf(target)).used.uploads === 0);
  return (await usageOf(target)).used;
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  for (let attempts = 0; !(await condition()); attempts++) {
    assert(attempts < 100, 'ended uploads still count as in progress after ten seconds');
    await sleep(100);
  }
}

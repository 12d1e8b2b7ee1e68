import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIGURATION, problemException } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import type { JobsApiConfiguration } from '../configuration.ts';

export interface Usage {
  files: number;
  /** announced, where an upload is under way */
  bytes: number;
  /** those under way */
  uploads: number;
}

export interface ClientUsage {
  used: Usage;
  allowed: Usage;
}

/** Longer than an upload that is still coming in may pause between two chunks. */
const stale = "interval '3 minutes'";

/** How many chunks one statement removes: 100 MB, far from the limit of time that statements have. */
const chunksAtOnce = 400;

/**
 * What clients upload, and how much of it they may. `file_usage` has the sums of each client's rows in `upload` and
 * `file_owner`: each transaction that changes one changes the other. Locks are taken in this order: an upload under way,
 * the file, its owner, the upload of the file, the usage.
 */
@Injectable()
export class Uploads {
  private readonly logger = new Logger(Uploads.name);
  private readonly allowed: Usage;
  /** Uploads whose removal failed here. */
  private readonly left = new Set<string>();

  constructor(
    private readonly database: DataSource,
    @Inject(CONFIGURATION) configuration: JobsApiConfiguration,
  ) {
    this.allowed = {
      files: configuration.FILES_PER_CLIENT,
      bytes: configuration.FILE_BYTES_PER_CLIENT,
      uploads: configuration.UPLOADS_PER_CLIENT,
    };
  }

  /**
   * Reserves what the upload announces; 0 where it announces nothing.
   * @throws a problem where the client has too much already
   */
  async begin(id: string, clientId: string, announced: number): Promise<void> {
    const { files, bytes, uploads } = this.allowed;
    const begun = await this.database.query<unknown[]>(
      `WITH reserved AS (
         INSERT INTO file_usage AS used (client_id, files, bytes, uploads) SELECT $2::text, 1, $3::bigint, 1 WHERE $3 <= $5
         ON CONFLICT (client_id) DO UPDATE SET files = used.files + 1, bytes = used.bytes + $3, uploads = used.uploads + 1
         WHERE used.files < $4 AND used.bytes + $3 <= $5 AND used.uploads < $6
         RETURNING client_id
       )
       INSERT INTO upload (id, client_id, size) SELECT $1::uuid, client_id, $3 FROM reserved RETURNING id`,
      [id, clientId, announced, files, bytes, uploads],
    );
    if (begun.length > 0) return;
    const usage = await this.usage(clientId);
    const hasRoom = usage.used.files < files && usage.used.bytes + announced <= bytes;
    throw hasRoom ? tooManyUploads(usage) : noRoom(usage);
  }

  /**
   * Reserves more for an upload that announced nothing.
   * @throws a problem where the client has too much then
   */
  async grow(id: string, clientId: string, bytes: number): Promise<void> {
    const [found] = await this.database.query<{ isOpen: boolean; isGrown: boolean }[]>(
      `WITH own AS (
         SELECT client_id FROM upload WHERE id = $1 AND NOT complete AND last_chunk_at > '-infinity' FOR UPDATE
       ), reserved AS (
         UPDATE file_usage SET bytes = bytes + $2 FROM own WHERE file_usage.client_id = own.client_id AND bytes + $2 <= $3
         RETURNING bytes
       ), grown AS (
         UPDATE upload SET size = size + $2 FROM reserved WHERE id = $1 RETURNING id
       )
       SELECT EXISTS (SELECT FROM own) AS "isOpen", EXISTS (SELECT FROM grown) AS "isGrown"`,
      [id, bytes, this.allowed.bytes],
    );
    if (found?.isGrown) return;
    throw found?.isOpen ? noRoom(await this.usage(clientId)) : givenUp();
  }

  async write(id: string, position: number, chunk: Buffer): Promise<void> {
    const written = await this.database.query<unknown[]>(
      `WITH own AS (
         UPDATE upload SET last_chunk_at = now() WHERE id = $1 AND NOT complete AND last_chunk_at > '-infinity' RETURNING id
       )
       INSERT INTO file_chunk (upload_id, position, data) SELECT id, $2::integer, $3::bytea FROM own RETURNING position`,
      [id, position, chunk],
    );
    if (written.length === 0) throw givenUp();
  }

  /**
   * Makes the client an owner of the file, which pays for it from now on, once.
   * @returns whether the upload became the file; where there is one of the same content, it is to be removed
   * @throws a problem where it was given up
   */
  async complete(id: string, fileId: string, size: number): Promise<boolean> {
    const [completed] = await this.database.query<{ isNew: boolean }[]>(
      `WITH own AS (
         SELECT id, client_id, size FROM upload WHERE id = $1 AND NOT complete AND last_chunk_at > '-infinity' FOR UPDATE
       ), stored AS (
         -- Locks the file that there is; a deletion under way is awaited, and the file is inserted after it.
         INSERT INTO file AS stored (id, upload_id, size) SELECT $2::text, id, $3::bigint FROM own
         ON CONFLICT (id) DO UPDATE SET size = stored.size RETURNING id, upload_id = $1 AS is_new
       ), owned AS (
         INSERT INTO file_owner (file_id, client_id) SELECT stored.id, client_id FROM stored, own
         ON CONFLICT DO NOTHING RETURNING client_id
       ), ended AS (
         UPDATE upload SET client_id = NULL, complete = is_new,
           last_chunk_at = CASE WHEN is_new THEN last_chunk_at ELSE '-infinity' END
         FROM stored WHERE upload.id = $1
       ), counted AS (
         UPDATE file_usage SET uploads = uploads - 1, files = files - 1 + added, bytes = bytes - reserved + added * $3::bigint
         FROM (
           SELECT own.client_id, own.size AS reserved, (owned.client_id IS NOT NULL)::integer AS added
           FROM own LEFT JOIN owned ON owned.client_id = own.client_id
         ) AS change
         WHERE file_usage.client_id = change.client_id
       )
       SELECT is_new AS "isNew" FROM stored`,
      [id, fileId, size],
    );
    if (!completed) throw givenUp();
    return completed.isNew;
  }

  /** Removes an upload that has no file. Where that fails, `sweep` does it. */
  async remove(id: string): Promise<void> {
    try {
      const [, given] = await this.database.query<[unknown, number]>(
        `UPDATE upload SET last_chunk_at = '-infinity' WHERE id = $1 AND NOT complete`,
        [id],
      );
      if (given === 1) await this.removeChunks(id);
    } catch (error) {
      this.left.add(id);
      this.logger.warn({ msg: 'an upload could not be removed, it is tried again', upload_id: id, err: error });
    }
  }

  /**
   * Removes what could not be removed here, and what a process that ended left behind.
   * @returns how many uploads that broke off
   */
  async sweep(): Promise<number> {
    const left = [...this.left];
    const [given] = await this.database.query<[{ id: string }[], number]>(
      `UPDATE upload SET last_chunk_at = '-infinity'
       WHERE NOT complete AND (last_chunk_at < now() - ${stale} OR id = ANY($1)) RETURNING id`,
      [left],
    );
    let brokenOff = 0;
    for (const { id } of given) if (await this.removeChunks(id)) brokenOff += 1;
    for (const id of left) this.left.delete(id);
    return brokenOff;
  }

  async usage(clientId: string): Promise<ClientUsage> {
    const [row] = await this.database.query<Record<keyof Usage, unknown>[]>(
      'SELECT files, bytes, uploads FROM file_usage WHERE client_id = $1',
      [clientId],
    );
    const { files = 0, bytes = 0, uploads = 0 } = row ?? {};
    return {
      used: { files: Number(files), bytes: Number(bytes), uploads: Number(uploads) },
      allowed: this.allowed,
    };
  }

  /**
   * Where another replica removes the same, the one that finds no chunk left counts it.
   * @returns whether it broke off, and its last chunk was removed here
   */
  private async removeChunks(id: string): Promise<boolean> {
    for (let removed = chunksAtOnce; removed === chunksAtOnce;) {
      [, removed] = await this.database.query<[unknown, number]>(
        `DELETE FROM file_chunk WHERE upload_id = $1
         AND position IN (SELECT position FROM file_chunk WHERE upload_id = $1 ORDER BY position LIMIT $2)`,
        [id, chunksAtOnce],
      );
    }
    const [, counted] = await this.database.query<[unknown, number]>(
      `WITH gone AS (
         DELETE FROM upload WHERE id = $1 AND NOT complete AND NOT EXISTS (SELECT FROM file_chunk WHERE upload_id = $1)
         RETURNING client_id, size
       )
       UPDATE file_usage SET files = files - 1, bytes = bytes - gone.size, uploads = uploads - 1
       FROM gone WHERE file_usage.client_id = gone.client_id`,
      [id],
    );
    return counted === 1;
  }
}

/** No chunk was stored for so long that the sweeper removed the upload: the sender paused, or the service did. */
const givenUp = (): Error =>
  problemException(408, 'upload-given-up', 'The upload came in too slowly and was given up: send it again');

function tooManyUploads({ used, allowed }: ClientUsage): Error {
  const detail = `${allowed.uploads} uploads of a client may be under way: wait until one has ended`;
  return problemException(429, 'too-many-uploads', 'Too many uploads at a time', { detail, used, allowed });
}

/** RFC 9110 section 15.5.14: the content is larger than the server is willing to take, from this client. */
function noRoom({ used, allowed }: ClientUsage): Error {
  const detail =
    `the client has used ${used.files} of ${allowed.files} files and ${used.bytes} of ${allowed.bytes} bytes, uploads ` +
    'under way included: delete files that are no longer needed';
  return problemException(413, 'file-quota', 'There is no room for this file', { detail, used, allowed });
}

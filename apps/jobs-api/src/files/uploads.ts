import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIGURATION, problemException } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import type { JobsApiConfiguration } from '../configuration.ts';

export interface Usage {
  files: number;
  /** for an upload in progress, the announced length */
  bytes: number;
  /** uploads in progress */
  uploads: number;
}

export interface ClientUsage {
  used: Usage;
  allowed: Usage;
}

/** Longer than an upload in progress may pause between two chunks. */
const staleAfter = "interval '3 minutes'";

/** How many chunks one statement removes: 100 MB, well within the statement timeout. */
const chunksAtOnce = 400;

/**
 * The uploads of clients and their quotas. `file_usage` has the sums of each client's rows in `upload` and
 * `file_owner`: each transaction that changes one changes the other. Locks are taken in this order: an upload in
 * progress, the file, its owner, the upload of the file, the usage.
 */
@Injectable()
export class Uploads {
  private readonly logger = new Logger(Uploads.name);
  private readonly allowed: Usage;
  /** Uploads that this replica failed to remove. */
  private readonly unremoved = new Set<string>();

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
   * Reserves the announced length of an upload; 0 if it announces none.
   * @throws a problem if the upload would exceed the client's quota
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
   * Reserves more bytes for an upload that announced no length.
   * @throws a problem if the bytes would exceed the client's quota
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
    throw found?.isOpen ? noRoom(await this.usage(clientId)) : abandoned();
  }

  async write(id: string, position: number, chunk: Buffer): Promise<void> {
    const written = await this.database.query<unknown[]>(
      `WITH own AS (
         UPDATE upload SET last_chunk_at = now() WHERE id = $1 AND NOT complete AND last_chunk_at > '-infinity' RETURNING id
       )
       INSERT INTO file_chunk (upload_id, position, data) SELECT id, $2::integer, $3::bytea FROM own RETURNING position`,
      [id, position, chunk],
    );
    if (written.length === 0) throw abandoned();
  }

  /**
   * Makes the client an owner of the file, which counts once towards its quota.
   * @returns whether the upload became the file; if not, a file of the same content exists, and the caller must remove
   *   the upload
   * @throws a problem if the upload was abandoned
   */
  async complete(id: string, fileId: string, size: number): Promise<boolean> {
    const [completed] = await this.database.query<{ isNew: boolean }[]>(
      `WITH own AS (
         SELECT id, client_id, size FROM upload WHERE id = $1 AND NOT complete AND last_chunk_at > '-infinity' FOR UPDATE
       ), stored AS (
         -- Locks an existing file; waits for a deletion in progress and inserts the file after it.
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
    if (!completed) throw abandoned();
    return completed.isNew;
  }

  /** Removes an upload that has no file. If that fails, `sweep` removes it later. */
  async remove(id: string): Promise<void> {
    try {
      const [, marked] = await this.database.query<[unknown, number]>(
        `UPDATE upload SET last_chunk_at = '-infinity' WHERE id = $1 AND NOT complete`,
        [id],
      );
      if (marked === 1) await this.removeChunks(id);
    } catch (error) {
      this.unremoved.add(id);
      this.logger.warn({ msg: 'removing an upload failed, retrying', upload_id: id, err: error });
    }
  }

  /**
   * Removes the uploads that this replica failed to remove, and those that an ended process left behind.
   * @returns the number of interrupted uploads removed
   */
  async sweep(): Promise<number> {
    const unremoved = [...this.unremoved];
    const [marked] = await this.database.query<[{ id: string }[], number]>(
      `UPDATE upload SET last_chunk_at = '-infinity'
       WHERE NOT complete AND (last_chunk_at < now() - ${staleAfter} OR id = ANY($1)) RETURNING id`,
      [unremoved],
    );
    let removed = 0;
    for (const { id } of marked) if (await this.removeChunks(id)) removed += 1;
    for (const id of unremoved) this.unremoved.delete(id);
    return removed;
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
   * If another replica removes the same upload, the one that finds no chunk left counts it.
   * @returns whether it was an interrupted upload, and this replica removed the rest of it
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
      `WITH deleted AS (
         DELETE FROM upload WHERE id = $1 AND NOT complete AND NOT EXISTS (SELECT FROM file_chunk WHERE upload_id = $1)
         RETURNING client_id, size
       )
       UPDATE file_usage SET files = files - 1, bytes = bytes - deleted.size, uploads = uploads - 1
       FROM deleted WHERE file_usage.client_id = deleted.client_id`,
      [id],
    );
    return counted === 1;
  }
}

/** No chunk was stored for so long that the sweeper removed the upload: the sender or the service paused. */
const abandoned = (): Error =>
  problemException(408, 'upload-given-up', 'The upload was too slow and was abandoned: send it again');

function tooManyUploads({ used, allowed }: ClientUsage): Error {
  const detail = `a client may have ${allowed.uploads} uploads in progress: wait until one has ended`;
  return problemException(429, 'too-many-uploads', 'Too many uploads at a time', { detail, used, allowed });
}

/** RFC 9110 section 15.5.14: the content is larger than the server is willing to accept from this client. */
function noRoom({ used, allowed }: ClientUsage): Error {
  const detail =
    `the client has used ${used.files} of ${allowed.files} files and ${used.bytes} of ${allowed.bytes} bytes, uploads ` +
    'in progress included: delete files that are no longer needed';
  return problemException(413, 'file-quota', 'There is no room for this file', { detail, used, allowed });
}

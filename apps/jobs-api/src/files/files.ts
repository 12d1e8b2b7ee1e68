import { createHash } from 'node:crypto';
import { Inject, Injectable, NotFoundException } from '@nestjs/common';
import { CONFIGURATION, problemException } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { JobsApiConfiguration } from '../configuration.ts';
import type { FileQuery } from '@lanyard/jobs-contract';
import { inChunks } from './in-chunks.ts';
import { Uploads } from './uploads.ts';

export interface StoredFile {
  /** SHA-256, so that the same content is stored once, however often it is uploaded */
  id: string;
  size: number;
}

/** Stores files in Postgres in chunks: memory use does not grow with the file. */
@Injectable()
export class Files {
  constructor(
    private readonly database: DataSource,
    private readonly uploads: Uploads,
    @Inject(CONFIGURATION) private readonly configuration: JobsApiConfiguration,
  ) {}

  /**
   * Stores the content completely or not at all.
   * @param announced  its length, if known
   */
  async store(content: AsyncIterable<Buffer>, clientId: string, announced?: number): Promise<StoredFile> {
    this.requireSize(announced ?? 0);
    const uploadId = uuid();
    try {
      await this.uploads.begin(uploadId, clientId, announced ?? 0);
      const hash = createHash('sha256');
      let size = 0;
      let position = 0;
      for await (const chunk of inChunks(content, announced)) {
        size += chunk.length;
        this.requireSize(size);
        if (announced === undefined) await this.uploads.grow(uploadId, clientId, chunk.length);
        hash.update(chunk);
        await this.uploads.write(uploadId, position++, chunk);
      }
      const id = hash.digest('hex');
      const isNew = await this.uploads.complete(uploadId, id, size);
      if (!isNew) await this.uploads.remove(uploadId);
      return { id, size };
    } catch (error) {
      await this.uploads.remove(uploadId);
      throw error;
    }
  }

  private requireSize(size: number): void {
    const { FILE_SIZE_LIMIT: limit } = this.configuration;
    if (size > limit) throw problemException(413, 'file-too-large', `A file may have at most ${limit} bytes`);
  }

  /** The files that a client owns, in the order of their ids. */
  list(clientId: string, { limit, after = '' }: FileQuery): Promise<(StoredFile & { createdAt: Date })[]> {
    return this.database.query(
      `SELECT id, size::float, created_at AS "createdAt" FROM file_owner JOIN file ON id = file_id
       WHERE client_id = $1 AND file_id > $2 ORDER BY file_id LIMIT $3`,
      [clientId, after, limit],
    );
  }

  /**
   * Removes the client from the owners of the file; the content is deleted with its last owner. A job that is created
   * at the same moment fails, as its worker finds no file.
   */
  async delete(id: string, clientId: string): Promise<void> {
    const removed = await this.database.transaction(async (manager) => {
      // From here on, an upload of the same content waits.
      const [file] = await manager.query<{ upload_id: string; size: string }[]>(
        'SELECT upload_id, size FROM file WHERE id = $1 FOR UPDATE',
        [id],
      );
      if (!file) throw noSuchFile();
      const [owners] = await manager.query<{ own: number; others: number }[]>(
        `SELECT count(*) FILTER (WHERE client_id = $2)::int AS own, count(*) FILTER (WHERE client_id <> $2)::int AS others
         FROM file_owner WHERE file_id = $1`,
        [id, clientId],
      );
      if (owners!.own === 0) throw problemException(403, 'not-your-file', 'The file belongs to other clients');
      const isLast = owners!.others === 0;
      const [job] = await manager.query<unknown[]>(
        `SELECT FROM job WHERE status IN ('pending', 'running') AND payload ->> 'file' = $1 AND (created_by = $2 OR $3)
         LIMIT 1`,
        [id, clientId, isLast],
      );
      if (job) throw problemException(409, 'file-in-use', 'A job that has not ended needs the file');
      await manager.query('DELETE FROM file_owner WHERE file_id = $1 AND client_id = $2', [id, clientId]);
      if (isLast) {
        await manager.query('DELETE FROM file WHERE id = $1', [id]);
        await manager.query(`UPDATE upload SET complete = false, last_chunk_at = '-infinity' WHERE id = $1`, [
          file.upload_id,
        ]);
      }
      await manager.query('UPDATE file_usage SET files = files - 1, bytes = bytes - $2 WHERE client_id = $1', [
        clientId,
        file.size,
      ]);
      return isLast ? file.upload_id : undefined;
    });
    if (removed !== undefined) await this.uploads.remove(removed);
  }

  async open(id: string): Promise<{ size: number; content: AsyncIterable<Buffer> }> {
    const { uploadId, size } = await this.find(id);
    const chunks = this.chunks(uploadId, size);
    // Reads the first chunk before the response begins, so that a file that was deleted in the meantime is a 404.
    const first = await chunks.next();
    return { size, content: first.done ? chunks : startingWith(first.value, chunks) };
  }

  /** @throws a problem that names the file, if it does not exist */
  async require(id: string): Promise<void> {
    await this.find(id).catch((error: unknown) => {
      if (!(error instanceof NotFoundException)) throw error;
      throw problemException(422, 'file-unknown', 'The file was not uploaded', { detail: `upload it first: ${id}` });
    });
  }

  private async find(id: string): Promise<Found> {
    const [file] = await this.database.query<Found[]>(
      'SELECT upload_id AS "uploadId", size::float FROM file WHERE id = $1',
      [id],
    );
    if (!file) throw noSuchFile();
    return file;
  }

  /** @throws a 404 if the file is deleted before its last chunk is read */
  private async *chunks(uploadId: string, size: number): AsyncGenerator<Buffer> {
    for (let position = 0, left = size; left > 0; position++) {
      const [chunk] = await this.database.query<{ data: Buffer }[]>(
        'SELECT data FROM file_chunk WHERE upload_id = $1 AND position = $2',
        [uploadId, position],
      );
      if (!chunk) throw await this.missingChunk(uploadId);
      left -= chunk.data.length;
      yield chunk.data;
    }
  }

  private async missingChunk(uploadId: string): Promise<Error> {
    const file = await this.database.query<unknown[]>('SELECT FROM file WHERE upload_id = $1', [uploadId]);
    return file.length === 0 ? noSuchFile() : new Error('a chunk of the file is missing');
  }
}

interface Found {
  uploadId: string;
  size: number;
}

const noSuchFile = () => new NotFoundException('there is no such file');

async function* startingWith(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

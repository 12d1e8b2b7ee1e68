import { createHash } from 'node:crypto';
import { Inject, Injectable, NotFoundException } from '@nestjs/common';
import { CONFIGURATION, problemException } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import type { JobsApiConfiguration } from '../configuration.ts';
import type { FileQuery, ListedFile } from './file.schema.ts';
import { inChunks } from './in-chunks.ts';
import { givenUp, Uploads } from './uploads.ts';

export interface StoredFile {
  /** SHA-256, so that the same content is stored once, however often it is uploaded */
  id: string;
  size: number;
}

/** Files in Postgres, in chunks: what a file costs in memory does not grow with it. */
@Injectable()
export class Files {
  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(Uploads) private readonly uploads: Uploads,
    @Inject(CONFIGURATION) private readonly configuration: JobsApiConfiguration,
  ) {}

  /**
   * Stores what comes in, or leaves nothing of it.
   * @param announced  its length, where that is known
   */
  async store(content: AsyncIterable<Buffer>, createdBy: string, announced?: number): Promise<StoredFile> {
    this.requireSize(announced ?? 0);
    const uploadId = await this.uploads.begin(createdBy, announced ?? 0);
    try {
      const hash = createHash('sha256');
      let size = 0;
      let position = 0;
      for await (const chunk of inChunks(content, announced)) {
        size += chunk.length;
        this.requireSize(size);
        if (announced === undefined) await this.uploads.grow(uploadId, createdBy, chunk.length);
        hash.update(chunk);
        await this.uploads.write(uploadId, position++, chunk);
      }
      const id = hash.digest('hex');
      const isNew = await this.uploads.complete(uploadId, id, size);
      if (!isNew) await this.keepOther(id, uploadId);
      return { id, size };
    } catch (error) {
      await this.uploads.remove(uploadId);
      throw error;
    }
  }

  /** The same content was stored before, or by another upload at the same time. */
  private async keepOther(id: string, uploadId: string): Promise<void> {
    if ((await this.lookUp(id)) === undefined) throw givenUp();
    await this.uploads.remove(uploadId);
  }

  private requireSize(size: number): void {
    const { FILE_SIZE_LIMIT: limit } = this.configuration;
    if (size > limit) throw problemException(413, 'file-too-large', `A file may have ${limit} bytes at most`);
  }

  /** The files of a client, by their ids. */
  list(clientId: string, { limit, after = '' }: FileQuery): Promise<ListedFile[]> {
    return this.database.query(
      `SELECT id, size::float, created_at AS "createdAt" FROM file WHERE created_by = $1 AND id > $2 ORDER BY id LIMIT $3`,
      [clientId, after, limit],
    );
  }

  /** A job that is created in the same moment fails, as its worker finds no file. */
  async delete(id: string, clientId: string): Promise<void> {
    const [deleted] = await this.database.query<{ upload_id: string }[]>(
      `WITH gone AS (
         DELETE FROM file WHERE id = $1 AND created_by = $2
           AND NOT EXISTS (SELECT FROM job WHERE status IN ('pending', 'running') AND payload ->> 'file' = $1)
         RETURNING upload_id
       ), reopened AS (
         UPDATE upload SET complete = false, last_chunk_at = '-infinity' FROM gone WHERE id = gone.upload_id
         RETURNING id, created_by
       ), counted AS (
         UPDATE file_usage SET uploads = uploads + 1 FROM reopened WHERE client_id = reopened.created_by
       )
       SELECT id AS upload_id FROM reopened`,
      [id, clientId],
    );
    if (deleted) return this.uploads.remove(deleted.upload_id);
    const { createdBy } = await this.find(id);
    if (createdBy !== clientId) throw problemException(403, 'not-your-file', 'Another client uploaded the file');
    throw problemException(409, 'file-in-use', 'A job that has not ended needs the file');
  }

  async open(id: string): Promise<{ size: number; content: AsyncIterable<Buffer> }> {
    const { uploadId, size } = await this.find(id);
    return { size, content: this.chunks(uploadId, size) };
  }

  /** @throws where there is no such file, a problem that names it */
  async require(id: string): Promise<void> {
    await this.find(id).catch((error: unknown) => {
      if (!(error instanceof NotFoundException)) throw error;
      throw problemException(422, 'file-unknown', 'The file was not uploaded', { detail: `upload it first: ${id}` });
    });
  }

  private async find(id: string): Promise<Found> {
    const file = await this.lookUp(id);
    if (!file) throw new NotFoundException('there is no such file');
    return file;
  }

  private async lookUp(id: string): Promise<Found | undefined> {
    const [file] = await this.database.query<Found[]>(
      'SELECT upload_id AS "uploadId", size::float, created_by AS "createdBy" FROM file WHERE id = $1',
      [id],
    );
    return file;
  }

  private async *chunks(uploadId: string, size: number): AsyncGenerator<Buffer> {
    for (let position = 0, left = size; left > 0; position++) {
      const [chunk] = await this.database.query<{ data: Buffer }[]>(
        'SELECT data FROM file_chunk WHERE upload_id = $1 AND position = $2',
        [uploadId, position],
      );
      if (!chunk) throw new Error('a chunk of the file is missing');
      left -= chunk.data.length;
      yield chunk.data;
    }
  }
}

interface Found {
  uploadId: string;
  size: number;
  createdBy: string;
}

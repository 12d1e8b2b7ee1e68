import { createHash } from 'node:crypto';
import { Inject, Injectable, NotFoundException } from '@nestjs/common';
import { CONFIGURATION, problemException } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { JobsApiConfiguration } from '../configuration.ts';

const chunkSize = 256 * 1024;

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
    @Inject(CONFIGURATION) private readonly configuration: JobsApiConfiguration,
  ) {}

  async store(content: AsyncIterable<Buffer>, createdBy: string): Promise<StoredFile> {
    const uploadId = uuid();
    const hash = createHash('sha256');
    let size = 0;
    let position = 0;
    for await (const chunk of inChunks(content)) {
      size += chunk.length;
      if (size > this.configuration.FILE_SIZE_LIMIT) {
        await this.removeChunks(uploadId);
        throw problemException(
          413,
          'file-too-large',
          `A file may have ${this.configuration.FILE_SIZE_LIMIT} bytes at most`,
        );
      }
      hash.update(chunk);
      await this.database.query('INSERT INTO file_chunk (upload_id, position, data) VALUES ($1, $2, $3)', [
        uploadId,
        position++,
        chunk,
      ]);
    }
    const id = hash.digest('hex');
    const inserted = await this.database.query<unknown[]>(
      'INSERT INTO file (id, upload_id, size, created_by) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING RETURNING id',
      [id, uploadId, size, createdBy],
    );
    if (inserted.length === 0) await this.removeChunks(uploadId);
    return { id, size };
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

  async removeBrokenUploads(): Promise<void> {
    await this.database.query(
      `DELETE FROM file_chunk WHERE created_at < now() - interval '1 day'
       AND upload_id NOT IN (SELECT upload_id FROM file)`,
    );
  }

  private async find(id: string): Promise<{ uploadId: string; size: number }> {
    const [file] = await this.database.query<{ upload_id: string; size: string }[]>(
      'SELECT upload_id, size FROM file WHERE id = $1',
      [id],
    );
    if (!file) throw new NotFoundException('there is no such file');
    return { uploadId: file.upload_id, size: Number(file.size) };
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

  private async removeChunks(uploadId: string): Promise<void> {
    await this.database.query('DELETE FROM file_chunk WHERE upload_id = $1', [uploadId]);
  }
}

/** Gathers what the network delivers into chunks of one size. */
async function* inChunks(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of content) {
    pieces.push(piece);
    length += piece.length;
    if (length < chunkSize) continue;
    yield Buffer.concat(pieces);
    [pieces, length] = [[], 0];
  }
  if (length > 0) yield Buffer.concat(pieces);
}

import { Inject, Injectable } from '@nestjs/common';
import type { Claimed, ClaimedJob, CompletedMany, CsvSummary } from '@lanyard/jobs-contract';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { TokenClient } from '@lanyard/token-client';
import DataLoader from 'dataloader';
import pRetry, { AbortError } from 'p-retry';
import type { BatchProcessorConfiguration } from '../configuration.ts';

/** Another worker has the job, or it has ended. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** The jobs API refuses the request: repeating it cannot help. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

interface Completion {
  job: ClaimedJob;
  result: CsvSummary;
}

/** How many completions one call may carry. */
const maxBatchSize = 100;

/** A result of more bytes is sent by itself, so that no call is larger than the jobs API accepts. */
const maxBatchedBytes = 32 * 1024;

/** Service A calls Service B: each call carries an access token for the jobs API, with the scope that it needs. */
@Injectable()
export class JobsClient {
  private readonly fetch: typeof fetch;
  private readonly url: string;
  private readonly leaseSeconds: number;
  /** Completions that arise while others are being sent share one call. */
  private readonly completions = new DataLoader((completions: readonly Completion[]) => this.send(completions), {
    cache: false,
    maxBatchSize,
    batchScheduleFn: (send) => void this.sent.then(send),
  });
  private sent: Promise<unknown> = Promise.resolve();

  constructor(
    tokens: TokenClient,
    @Inject(CONFIGURATION) { JOBS_API_URL, JOBS_API_RESOURCE, LEASE_SECONDS }: BatchProcessorConfiguration,
  ) {
    this.fetch = tokens.fetch({ scope: 'jobs:read jobs:write', resource: JOBS_API_RESOURCE ?? JOBS_API_URL });
    this.url = JOBS_API_URL;
    this.leaseSeconds = LEASE_SECONDS;
  }

  async claim(types: string[], max: number, signal: AbortSignal): Promise<Claimed> {
    const claim = { types, max, leaseSeconds: this.leaseSeconds };
    return (await this.post('/jobs/claim', claim, {}, signal)) as Claimed;
  }

  /** @throws {LeaseLostError} */
  async heartbeat(job: ClaimedJob): Promise<void> {
    await this.act(job, 'heartbeat', { leaseSeconds: this.leaseSeconds });
  }

  /** @throws {LeaseLostError | RefusedError} */
  async complete(job: ClaimedJob, result: CsvSummary): Promise<void> {
    if (Buffer.byteLength(JSON.stringify(result)) > maxBatchedBytes) await this.act(job, 'complete', { result });
    else await this.completions.load({ job, result });
  }

  private send(completions: readonly Completion[]): Promise<(void | Error)[]> {
    const sent = completions.length === 1 ? this.sendSingly(completions) : this.sendTogether(completions);
    this.sent = sent;
    return sent;
  }

  private async sendTogether(completions: readonly Completion[]): Promise<(void | Error)[]> {
    const jobs = completions.map(({ job, result }) => ({ id: job.id, leaseToken: job.lease.token, result }));
    try {
      const { leaseLost } = (await this.post('/jobs/complete', { jobs })) as CompletedMany;
      return jobs.map(({ id }) => (leaseLost.includes(id) ? new LeaseLostError('the lease is lost') : undefined));
    } catch (error) {
      // The jobs API refuses the whole call if it refuses one of them.
      if (error instanceof RefusedError) return this.sendSingly(completions);
      return jobs.map(() => error as Error);
    }
  }

  private sendSingly(completions: readonly Completion[]): Promise<(void | Error)[]> {
    return Promise.all(
      completions.map(({ job, result }) => this.act(job, 'complete', { result }).catch((error: Error) => error)),
    );
  }

  /** @throws {LeaseLostError} */
  async fail(job: ClaimedJob, reason: string, retryable: boolean): Promise<void> {
    await this.act(job, 'fail', { reason, retryable });
  }

  /** @throws {LeaseLostError} */
  async release(job: ClaimedJob): Promise<void> {
    await this.act(job, 'release', {});
  }

  /** Streams the job's file. */
  async openFile(job: ClaimedJob, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = { 'x-request-id': job.requestId };
    const body = await this.call(`/files/${job.payload.file}`, { headers, signal }, async (response) => response.body);
    if (!body) throw new Error('the jobs API answered without a body');
    return body;
  }

  private async act(job: ClaimedJob, action: string, body: object): Promise<void> {
    const headers = { 'x-request-id': job.requestId };
    await this.post(`/jobs/${job.id}/${action}`, { leaseToken: job.lease.token, ...body }, headers);
  }

  private post(path: string, body: object, headers: object = {}, signal?: AbortSignal): Promise<unknown> {
    const json = { 'content-type': 'application/json', ...headers };
    const init = { method: 'POST', headers: json, body: JSON.stringify(body), signal };
    return this.call(path, init, (response) => response.json());
  }

  /** Retries temporary failures: every call is safe to repeat, thanks to the lease token. */
  private call<T>(path: string, init: RequestInit, read: (response: Response) => Promise<T>): Promise<T> {
    const attempt = async () => {
      const response = await this.fetch(this.url + path, {
        ...init,
        signal: init.signal ?? AbortSignal.timeout(10_000),
      });
      if (response.ok) return read(response);
      const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
      const what = `${init.method ?? 'GET'} ${path.replace(/[0-9a-f-]{36,}/, '…')} answered ${response.status}`;
      const message = [what, problem.title, problem.detail].filter(Boolean).join(': ');
      if (response.status === 409) throw new AbortError(new LeaseLostError(message));
      if (response.status < 500 && response.status !== 429) throw new AbortError(new RefusedError(message));
      throw new Error(message);
    };
    return pRetry(attempt, {
      retries: 5,
      minTimeout: 200,
      maxTimeout: 2000,
      randomize: true,
      signal: init.signal ?? undefined,
    });
  }
}

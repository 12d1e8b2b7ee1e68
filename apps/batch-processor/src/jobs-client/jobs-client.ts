import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { TokenClient } from '@lanyard/token-client';
import pRetry, { AbortError } from 'p-retry';
import type { BatchProcessorConfiguration } from '../configuration.ts';

/** A job as the jobs API gives it to a worker. */
export interface ClaimedJob {
  id: string;
  type: string;
  payload: { file: string; name: string };
  attempts: number;
  requestId: string;
  lease: { token: number; expiresAt: string };
}

export interface Claim {
  jobs: ClaimedJob[];
  /** When there may be more to do, at the latest; null where nothing is left. */
  nextAt: string | null;
}

/** The job went to another worker, or has ended. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** The jobs API does not take what it was sent: sending it again cannot help. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** Service A calls Service B: each call carries an access token for the jobs API, with the scope it needs. */
@Injectable()
export class JobsClient {
  private readonly fetch: typeof fetch;
  private readonly url: string;
  private readonly leaseSeconds: number;

  constructor(
    @Inject(TokenClient) tokens: TokenClient,
    @Inject(CONFIGURATION) { JOBS_API_URL, JOBS_API_RESOURCE, LEASE_SECONDS }: BatchProcessorConfiguration,
  ) {
    this.fetch = tokens.fetch({ scope: 'jobs:read jobs:write', resource: JOBS_API_RESOURCE ?? JOBS_API_URL });
    this.url = JOBS_API_URL;
    this.leaseSeconds = LEASE_SECONDS;
  }

  async claim(types: string[], max: number, signal: AbortSignal): Promise<Claim> {
    const response = await this.post('/jobs/claim', { types, max, leaseSeconds: this.leaseSeconds }, {}, signal);
    return (await response.json()) as Claim;
  }

  /** @throws {LeaseLostError} */
  async heartbeat(job: ClaimedJob): Promise<void> {
    await this.act(job, 'heartbeat', { leaseSeconds: this.leaseSeconds });
  }

  /** @throws {LeaseLostError} */
  async complete(job: ClaimedJob, result: object): Promise<void> {
    await this.act(job, 'complete', { result });
  }

  /** @throws {LeaseLostError} */
  async fail(job: ClaimedJob, reason: string, retryable: boolean): Promise<void> {
    await this.act(job, 'fail', { reason, retryable });
  }

  /** @throws {LeaseLostError} */
  async release(job: ClaimedJob): Promise<void> {
    await this.act(job, 'release', {});
  }

  /** The job's file, as it comes in. */
  async openFile(job: ClaimedJob, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = { 'x-request-id': job.requestId };
    const response = await this.call(`/files/${job.payload.file}`, { headers, signal });
    if (!response.body) throw new Error('the jobs API answered without a body');
    return response.body;
  }

  private async act(job: ClaimedJob, action: string, body: object): Promise<void> {
    const headers = { 'x-request-id': job.requestId };
    const response = await this.post(`/jobs/${job.id}/${action}`, { leaseToken: job.lease.token, ...body }, headers);
    await response.body?.cancel();
  }

  private post(path: string, body: object, headers: object = {}, signal?: AbortSignal): Promise<Response> {
    const json = { 'content-type': 'application/json', ...headers };
    return this.call(path, { method: 'POST', headers: json, body: JSON.stringify(body), signal });
  }

  /** What may pass is tried again: all calls can be repeated without harm, thanks to the lease's token. */
  private call(path: string, init: RequestInit): Promise<Response> {
    const attempt = async () => {
      const response = await this.fetch(this.url + path, {
        ...init,
        signal: init.signal ?? AbortSignal.timeout(10_000),
      });
      if (response.ok) return response;
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

import { setTimeout as sleep } from 'node:timers/promises';

export interface RevokingSystem {
  /** two replicas of the authorization server */
  issuers: readonly string[];
  /** two replicas of jobs-api; each follows a different authorization server */
  jobsApis: readonly string[];
  /** POST as batch-processor */
  post: (url: string, form: Record<string, string>) => Promise<Response>;
  /** how long jobs-api still accepts the token, ms */
  refusedWithin: (token: string, jobsApi: string, since: number) => Promise<number>;
}

/**
 * Revokes tokens at a steady rate, at the authorization servers in turn.
 * @returns the work for each token, and how long each revocation took to be acknowledged and then refused, ms
 */
export function revokeSteadily(
  { issuers, jobsApis, post, refusedWithin }: RevokingSystem,
  tokens: readonly string[],
  perSecond: number,
): { works: Promise<void>[]; acknowledged: number[]; refused: number[] } {
  const acknowledged: number[] = [];
  const refused: number[] = [];
  const works = tokens.map(async (token, index) => {
    await sleep((index * 1000) / perSecond);
    const sent = performance.now();
    await post(`${issuers[index % 2]}/oauth/revoke`, { token });
    const now = performance.now();
    acknowledged.push(now - sent);
    refused.push(...(await Promise.all(jobsApis.map((url) => refusedWithin(token, url, now)))));
  });
  return { works, acknowledged, refused };
}

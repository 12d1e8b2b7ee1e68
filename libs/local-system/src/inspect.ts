export type ServiceName = 'auth-server' | 'batch-processor' | 'jobs-api';

/** Reads the management listener of a service. */
export type Inspect = (
  service: ServiceName,
  path: '/health/live' | '/health/ready' | '/metrics',
) => Promise<{ status: number; headers: Record<string, string>; text: string }>;

/** For management listeners that are directly reachable. */
export const inspectAt =
  (urls: Record<ServiceName, string>): Inspect =>
  async (service, path) => {
    const response = await fetch(urls[service] + path);
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      text: await response.text(),
    };
  };

export type ServiceName = 'auth-server' | 'batch-processor' | 'jobs-api';

/** What the management listener of a service answers. */
export type Inspect = (
  service: ServiceName,
  path: '/health/live' | '/health/ready' | '/metrics',
) => Promise<{ status: number; headers: Record<string, string>; text: string }>;

/** Where the management listeners are within reach. */
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

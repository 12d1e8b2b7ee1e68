/** Marks a route that clients call and at which they authenticate. */
export const clientEndpoint = { clientEndpoint: true } as const;

/** Whether clients call this route and authenticate at it. */
export const isClientEndpoint = ({ config }: { config?: object }): boolean =>
  config !== undefined && 'clientEndpoint' in config;

import { managementPortOf, resourceServerConfiguration, serviceConfiguration } from '@lanyard/service-defaults';
import type { z } from 'zod';
import { rules } from './rules.ts';

const { REQUESTS_PER_MINUTE: _, ...resourceServer } = resourceServerConfiguration.shape;

export const forwardAuthConfiguration = serviceConfiguration.extend(resourceServer).extend({
  PORT: serviceConfiguration.shape.PORT.default(3004),
  MANAGEMENT_PORT: managementPortOf(3104),
  CLIENT_ID: resourceServer.CLIENT_ID.default('forward-auth').describe(
    'the client identifier of this service; its `resource_server_of` must list every resource in `RULES`',
  ),
  RULES: rules.describe(
    'the rules, one a line: its name, the protected resource, and the scope values that a token must have, such as `orders-read https://orders.example orders:read`; lines that begin with `#` are comments. The proxy asks at `/rules/<name>`',
  ),
});
export type ForwardAuthConfiguration = z.infer<typeof forwardAuthConfiguration>;

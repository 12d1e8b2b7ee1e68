export { freePort, portTaken } from '@lanyard/embedded-postgres';
export { inspectAt, type Inspect, type ServiceName } from './inspect.ts';
export { lanyard, type Outcome } from './lanyard.ts';
export { queryServer } from './query-server.ts';
export { recordOutput, recordSecrets } from './record.ts';
export { runningPostgres } from './running-postgres.ts';
export { Service, type Line } from './service.ts';
export { current, openSigningKeys, type SigningKey } from './signing-key.ts';
export { requireNoLauncher, startSystem, type System, type SystemOptions } from './system.ts';

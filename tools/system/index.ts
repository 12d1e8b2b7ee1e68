export { runningPostgres } from './running-postgres.ts';
export { freePort, portTaken } from '@lanyard/testing/embedded-postgres';
export { recordOutput, recordSecrets } from './record.ts';
export { Service, type Line } from './service.ts';
export { requireNoLauncher, startSystem, type System, type SystemOptions } from './system.ts';

export { freePort, portTaken } from './ports.ts';
export { Service, type Line } from './service.ts';
export { startSystem, type System, type SystemOptions } from './system.ts';

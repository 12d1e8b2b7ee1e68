export { hostileTexts, spoiltRequests, type HostileText, type SpoiltRequest } from './fields.ts';
export { faultsOf, fuzz, unjudgedOf, type FuzzReport } from './fuzz.ts';
export { seedsOf, type Seed } from './seeds.ts';

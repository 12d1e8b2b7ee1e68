export * from './audit-event.ts';
export * from './client.ts';
export * from './diagnosis.ts';
export * from './protected-resource.ts';
export * from './registry-changes.ts';
export * from './registry-file.ts';
export * from './secret.ts';
export * from './signing-key.ts';
export { nameSchema, scopeValuesOf, type Fault } from './text.ts';

import { fileURLToPath } from 'node:url';
/** One configuration for every project: `node tools/jest/run.mjs PROJECT_ROOT`. */
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@lanyard/source', 'node', 'node-addons'] },
  testMatch: ['<rootDir>/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2024',
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  setupFiles: ['reflect-metadata'],
  globalSetup: fileURLToPath(new URL('./tools/jest/global-setup.mjs', import.meta.url)),
  globalTeardown: fileURLToPath(new URL('./tools/jest/global-teardown.mjs', import.meta.url)),
  testSequencer: fileURLToPath(new URL('./tools/jest/sequencer.mjs', import.meta.url)),
  testTimeout: 30_000,
  // The tests of a project share a database server or a whole system, and count what it does.
  maxWorkers: 1,
};

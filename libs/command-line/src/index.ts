export { CallError } from './call-error.ts';
export { caller, type Answer, type Call, type Caller } from './caller.ts';
export { counted, print, printJson, printTable, visible, type OutputOptions } from './output.ts';
export { positive } from './positive.ts';
export { runProgram } from './run-program.ts';
export { address, addressesOf, commonSettings, readSettings, secretFileOf, type CommonSettings } from './settings.ts';
export { UsageError } from './usage-error.ts';
export { versionIn } from './version.ts';

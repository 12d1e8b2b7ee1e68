import { runProgram } from '@lanyard/command-line';
import { createProgram } from './program.ts';

await runProgram(createProgram(process.env));

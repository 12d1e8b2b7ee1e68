import { Controller, HttpCode, HttpStatus, Post } from '@nestjs/common';
import { RequireScopes } from '@lanyard/resource-server';
import { Runs, type RunReceipt } from './runs.ts';

@Controller('runs')
export class RunsController {
  constructor(private readonly runs: Runs) {}

  /** Starts a run now. One at a time: one that is under way looks for new jobs at once. */
  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @RequireScopes('runs:write')
  start(): RunReceipt {
    return this.runs.start('request');
  }
}

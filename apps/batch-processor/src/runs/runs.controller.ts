import { Controller, HttpCode, HttpStatus, Post } from '@nestjs/common';
import { RequireScopes } from '@lanyard/resource-server';
import { Runs, type RunReceipt } from './runs.ts';

@Controller('runs')
export class RunsController {
  constructor(private readonly runs: Runs) {}

  /** Starts a run now. If a run is in progress, it checks for new jobs at once instead. */
  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @RequireScopes('runs:write')
  start(): RunReceipt {
    return this.runs.start('request');
  }
}

import { Controller, Get, Query } from '@nestjs/common';
import { RequireScopes } from '@lanyard/resource-server';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  columnsQuerySchema,
  columnsReportSchema,
  durationsReportSchema,
  jobsReportSchema,
  periodSchema,
  throughputQuerySchema,
  throughputReportSchema,
  type ColumnsQuery,
  type Period,
  type ThroughputQuery,
} from './report.schema.ts';
import { Reports } from './reports.ts';

@ApiTags('reports')
@Controller('reports')
@RequireScopes('reports:read')
export class ReportsController {
  constructor(private readonly reports: Reports) {}

  @Get('jobs')
  @ApiOperation({ summary: 'Jobs by type and status' })
  @ApiResponse({ status: 200, standardSchema: jobsReportSchema })
  async jobs(@Query({ schema: periodSchema }) period: Period) {
    return { items: await this.reports.jobs(period) };
  }

  @Get('throughput')
  @ApiOperation({ summary: 'Jobs that ended, by time' })
  @ApiResponse({ status: 200, standardSchema: throughputReportSchema })
  async throughput(@Query({ schema: throughputQuerySchema }) query: ThroughputQuery) {
    return { interval: query.interval, items: await this.reports.throughput(query) };
  }

  @Get('durations')
  @ApiOperation({ summary: 'How long jobs waited and took' })
  @ApiResponse({ status: 200, standardSchema: durationsReportSchema })
  async durations(@Query({ schema: periodSchema }) period: Period) {
    return { items: await this.reports.durations(period) };
  }

  @Get('columns')
  @ApiOperation({ summary: 'A summary of each column of each file' })
  @ApiResponse({ status: 200, standardSchema: columnsReportSchema })
  async columns(@Query({ schema: columnsQuerySchema }) query: ColumnsQuery) {
    return { items: await this.reports.columns(query) };
  }
}

import { Controller, Get } from '@nestjs/common';
import { diagnosisSchema } from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Diagnosis } from './diagnosis.ts';

@ApiTags('diagnosis')
@Controller('admin/diagnosis')
export class DiagnosisController {
  constructor(private readonly diagnosis: Diagnosis) {}

  @Get()
  @RequireScopes('clients:read', 'keys:read')
  @ApiOperation({ summary: 'Check the database, keys, settings and registry of this replica' })
  @ApiResponse({ status: 200, standardSchema: diagnosisSchema })
  async read() {
    return { items: await this.diagnosis.findings() };
  }
}

import { Body, Controller, HttpCode, HttpStatus, Inject, Post } from '@nestjs/common';
import {
  registryApplicationSchema,
  registryChangesSchema,
  reservedIn,
  type RegistryChanges,
} from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { CONFIGURATION, invalid } from '@lanyard/service-defaults';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { appendAuditEvents } from '../../audit/append-audit-events.ts';
import { bulk } from '../../pools.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { administrate, requireNeeds } from '../administrate.ts';
import { CurrentAdministrator, type Administrator } from '../current-administrator.ts';
import { Bulk } from '../work-at-a-time.ts';
import { applyRegistry } from './apply-registry.ts';
import { planRegistry } from './plan-registry.ts';

@ApiTags('registry')
@Controller('admin/registry')
export class RegistryController {
  constructor(
    @InjectDataSource(bulk) private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @RequireScopes('clients:write')
  @Bulk()
  @ApiOperation({ summary: 'Make clients and resources match the description, all or nothing' })
  @ApiResponse({ status: 200, standardSchema: registryChangesSchema })
  @ApiResponse({
    status: 409,
    description: 'a resource or scope to delete is in use, too much would change, or your own client would be disabled',
  })
  async apply(
    @Body({ schema: registryApplicationSchema }) body: z.output<typeof registryApplicationSchema>,
    @CurrentAdministrator() administrator: Administrator,
  ): Promise<RegistryChanges> {
    const { registry, dry_run: isDryRun } = body;
    const reserved = reservedIn(registry, this.configuration.ISSUER);
    if (reserved.length > 0)
      throw invalid(reserved.map(({ path, message }) => ({ path: ['registry', ...path], message })));
    const { changes, without_secret } = isDryRun
      ? await this.database.transaction('REPEATABLE READ', async (manager) => {
          await manager.query('SET TRANSACTION READ ONLY');
          await requireNeeds(manager, administrator);
          return planRegistry(manager, administrator, registry, body);
        })
      : await administrate(this.database, administrator, async (manager) => {
          const { records, ...plan } = await applyRegistry(manager, administrator, registry, body);
          await appendAuditEvents(manager, records);
          return plan;
        });
    return { applied: !isDryRun, changes, without_secret };
  }
}

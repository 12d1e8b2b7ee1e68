import { Body, Controller, HttpCode, HttpStatus, Inject, Post } from '@nestjs/common';
import {
  registryApplicationSchema,
  registryChangesSchema,
  reservedIn,
  type RegistryChanges,
} from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { CONFIGURATION, invalid } from '@lanyard/service-defaults';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { administrate } from '../administrate.ts';
import { CurrentAdministrator, type Administrator } from '../origin.ts';
import { applyRegistry } from './apply-registry.ts';

/** Carries what a dry run found out of the transaction, which it undoes. */
class DryRun {
  constructor(readonly changes: Omit<RegistryChanges, 'applied'>) {}
}

@ApiTags('registry')
@ApiBearerAuth()
@Controller('admin/registry')
export class RegistryController {
  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @RequireScopes('clients:write')
  @ApiOperation({ summary: 'Bring clients and resources to what is described, all or nothing' })
  @ApiResponse({ status: 200, standardSchema: registryChangesSchema })
  async apply(
    @Body({ schema: registryApplicationSchema }) body: z.output<typeof registryApplicationSchema>,
    @CurrentAdministrator() administrator: Administrator,
  ): Promise<RegistryChanges> {
    const reserved = reservedIn(body.registry, this.configuration.ISSUER);
    if (reserved.length > 0)
      throw invalid(reserved.map(({ path, message }) => ({ path: ['registry', ...path], message })));
    try {
      const changes = await administrate(this.database, administrator, async (manager) => {
        const found = await applyRegistry(manager, administrator, body.registry, body);
        if (body.dry_run) throw new DryRun(found);
        return found;
      });
      return { applied: true, ...changes };
    } catch (error) {
      if (error instanceof DryRun) return { applied: false, ...error.changes };
      throw error;
    }
  }
}

import { Controller, Get, Query } from '@nestjs/common';
import { auditEventTypeSchema, auditPageSchema, nameSchema } from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { momentQuery, nextPage } from '@lanyard/service-defaults';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { AuditEventRow, auditEventOf } from '../../audit/audit-event.entity.ts';
import { bulk } from '../../pools.ts';

const text = nameSchema.optional();
const sequence = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();
const moment = momentQuery.optional();

const auditQuerySchema = z.strictObject({
  type: auditEventTypeSchema.optional(),
  actor: text.describe('the client that acted'),
  client_id: text.describe('the client that the event concerns'),
  outcome: z.enum(['succeeded', 'refused']).optional(),
  since: moment.describe('not before'),
  until: moment.describe('before'),
  order: z.enum(['oldest', 'newest']).default('oldest').describe('which events come first'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: sequence.describe('the last sequence of the previous page'),
});
type AuditQuery = z.infer<typeof auditQuerySchema>;

@ApiTags('audit')
@Controller('admin/audit')
export class AuditController {
  constructor(@InjectDataSource(bulk) private readonly database: DataSource) {}

  @Get()
  @RequireScopes('audit:read')
  @ApiOperation({ summary: 'Read the audit log' })
  @ApiResponse({ status: 200, standardSchema: auditPageSchema })
  async list(@Query({ schema: auditQuerySchema }) query: AuditQuery) {
    const { order, limit, after, since, until, client_id: clientId, ...equal } = query;
    const newestFirst = order === 'newest';
    const events = this.database.manager
      .createQueryBuilder(AuditEventRow, 'event')
      .orderBy('event.sequence', newestFirst ? 'DESC' : 'ASC')
      .limit(limit);
    for (const [field, value] of Object.entries({ ...equal, clientId })) {
      if (value !== undefined) events.andWhere(`event.${field} = :${field}`, { [field]: value });
    }
    if (since) events.andWhere('event.occurredAt >= :since', { since });
    if (until) events.andWhere('event.occurredAt < :until', { until });
    if (after !== undefined) events.andWhere(`event.sequence ${newestFirst ? '<' : '>'} :after`, { after });
    const items = (await events.getMany()).map(auditEventOf);
    return { items, next: nextPage('/admin/audit', query, items.length, items.at(-1)?.sequence) };
  }
}

import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { administrativeScopes, isReservedIdentifier } from '@lanyard/administration';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { bulk } from '../pools.ts';

/** Finds rows that use an identifier of the server itself, from before it was reserved. They have no effect. */
@Injectable()
export class ReservedIdentifiers implements OnApplicationBootstrap {
  private readonly logger = new Logger(ReservedIdentifiers.name);

  constructor(
    @InjectDataSource(bulk) private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  onApplicationBootstrap(): void {
    const warn = async () => {
      for (const detail of await this.check()) this.logger.warn({ msg: 'a reserved identifier has no effect', detail });
    };
    warn().catch((err: unknown) => this.logger.warn({ msg: 'reserved identifiers could not be checked', err }));
  }

  /** @returns a sentence for each row */
  async check(): Promise<string[]> {
    const rows = await this.database.query<{ kind: 'resource' | 'client' | 'scope'; id: string; name: string }[]>(
      `SELECT 'resource' AS kind, identifier AS id, identifier AS name FROM protected_resource
       UNION ALL SELECT 'client', client_id, identifier FROM client, unnest(resource_server_of) AS identifier
       UNION ALL SELECT 'scope', resource, value FROM scope WHERE value = ANY($1) ORDER BY kind, id, name`,
      [Object.keys(administrativeScopes)],
    );
    return rows.flatMap(({ kind, id, name }) => {
      if (kind === 'scope') return [`the scope ${name} of the resource ${id}`];
      if (!isReservedIdentifier(name, this.configuration.ISSUER)) return [];
      return [
        kind === 'resource' ? `the resource ${id}: delete it` : `${name} in resource_server_of of the client ${id}`,
      ];
    });
  }
}

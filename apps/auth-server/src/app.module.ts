import { Module, type DynamicModule } from '@nestjs/common';
import { administrationOf } from '@lanyard/administration';
import { ResourceServerModule, RevocationUnknownError, type ResourceServerOptions } from '@lanyard/resource-server';
import { databaseModule, separatePool } from '@lanyard/service-defaults';
import { AdministrationModule } from './administration/administration.module.ts';
import type { AuthServerConfiguration } from './configuration.ts';
import { entities } from './entities.ts';
import { Housekeeping } from './housekeeping/housekeeping.ts';
import { IntrospectionModule } from './oauth/introspection/introspection.module.ts';
import { MetadataModule } from './oauth/metadata/metadata.module.ts';
import { bulk, emergencies, poolSizes } from './pools.ts';
import { RevocationModule } from './oauth/revocation/revocation.module.ts';
import { RevokedTokensModule } from './revoked-tokens/revoked-tokens.module.ts';
import { RevocationState } from './revoked-tokens/revocation-state.ts';
import { SigningKeys } from './signing-keys/signing-keys.ts';
import { SigningKeysModule } from './signing-keys/signing-keys.module.ts';
import { TokenModule } from './oauth/token/token.module.ts';

const noLifecycle = { start: () => undefined, stop: () => undefined };

@Module({})
export class AppModule {
  static forRoot(configuration: AuthServerConfiguration): DynamicModule {
    return {
      module: AppModule,
      imports: [
        databaseModule('auth-server', configuration, entities, { essential: false }),
        separatePool(emergencies, 'auth-server', configuration, entities, poolSizes.emergencies),
        separatePool(bulk, 'auth-server', configuration, entities, poolSizes.bulk),
        TokenModule,
        RevocationModule,
        IntrospectionModule,
        MetadataModule,
        AdministrationModule,
        // The server is a resource server too: its administration API accepts its own access tokens.
        ResourceServerModule.forRootAsync({
          imports: [RevokedTokensModule, SigningKeysModule],
          inject: [SigningKeys, RevocationState],
          useFactory: (keys: SigningKeys, revocations: RevocationState): ResourceServerOptions => ({
            issuer: configuration.ISSUER,
            resource: administrationOf(configuration.ISSUER),
            resourceName: 'Lanyard administration',
            // The concurrent work of administrators is limited before their requests are read.
            guardFirst: true,
            keys: {
              available: true,
              getKey: keys.getKey,
              get keySet() {
                return keys.keySet;
              },
              ...noLifecycle,
            },
            revocations: {
              // Without the database, this replica does not know whether another one has revoked the token.
              isRevoked: async (token) => {
                if (!(await revocations.isCurrent())) throw new RevocationUnknownError('the database is not available');
                return revocations.isRevoked(token);
              },
              ...noLifecycle,
            },
          }),
        }),
      ],
      providers: [Housekeeping],
    };
  }
}

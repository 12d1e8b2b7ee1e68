import {
  Inject,
  Logger,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AccessRules } from './access/access-rules.ts';
import { AccessTokenGuard } from './guard/access-token.guard.ts';
import { BearerStrategy } from './guard/bearer.strategy.ts';
import { GuardBeforeBody } from './guard/guard-before-body.ts';
import { KEY_SOURCE, type KeySource } from './keys/key-source.ts';
import { RemoteKeys } from './keys/remote-keys.ts';
import { ProtectedResourceMetadataController } from './metadata/protected-resource-metadata.controller.ts';
import { RESOURCE_SERVER_OPTIONS, type ResourceServerOptions } from './options.ts';
import { RevocationClient } from './revocations/revocation-client.ts';
import { REVOCATION_SOURCE, type RevocationSource } from './revocations/revocation-source.ts';

type AsyncOptions = Pick<ModuleMetadata, 'imports'> &
  Pick<FactoryProvider<ResourceServerOptions>, 'inject' | 'useFactory'>;

/** Makes the application a resource server: guards every route, keeps the keys, publishes the metadata. */
@Module({})
export class ResourceServerModule implements NestModule, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(KEY_SOURCE) private readonly keys: KeySource,
    @Inject(REVOCATION_SOURCE) private readonly revocations: RevocationSource | undefined,
    private readonly rules: AccessRules,
    @Inject(RESOURCE_SERVER_OPTIONS) private readonly options: ResourceServerOptions,
    private readonly guardBeforeBody: GuardBeforeBody,
  ) {}

  static forRoot(options: ResourceServerOptions): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject, useFactory }: AsyncOptions): DynamicModule {
    return {
      module: ResourceServerModule,
      global: true,
      imports: [DiscoveryModule, ...imports],
      controllers: [ProtectedResourceMetadataController],
      providers: [
        { provide: RESOURCE_SERVER_OPTIONS, inject, useFactory },
        { provide: KEY_SOURCE, inject: [RESOURCE_SERVER_OPTIONS], useFactory: keysOf },
        { provide: REVOCATION_SOURCE, inject: [RESOURCE_SERVER_OPTIONS, KEY_SOURCE], useFactory: revocationsOf },
        { provide: APP_GUARD, useExisting: AccessTokenGuard },
        AccessRules,
        AccessTokenGuard,
        BearerStrategy,
        GuardBeforeBody,
      ],
      exports: [AccessRules, KEY_SOURCE, REVOCATION_SOURCE],
    };
  }

  /** Nest calls this before it registers the routes. */
  configure(): void {
    this.guardBeforeBody.install();
  }

  onApplicationBootstrap(): void {
    const { resource, otherResources = [] } = this.options;
    for (const { route, resource: named } of this.rules.all()) {
      if (named === undefined || [resource, ...otherResources].includes(named)) continue;
      throw new Error(`${route} is for ${named}, which is neither \`resource\` nor one of \`otherResources\``);
    }
    this.keys.start();
    this.revocations?.start();
    const undeclared = this.rules.undeclared();
    if (undeclared.length > 0) {
      new Logger(ResourceServerModule.name).error({
        msg: 'routes that declare no access rule are refused',
        undeclared,
      });
    }
  }

  onApplicationShutdown(): void {
    this.keys.stop();
    this.revocations?.stop();
  }
}

function keysOf(options: ResourceServerOptions): KeySource {
  const { issuer, issuerAddress, keys, keyRefreshInterval, keyCooldown, algorithms = ['ES256'] } = options;
  if (keys) return keys;
  const logger = new Logger(RemoteKeys.name);
  return new RemoteKeys({
    issuer,
    algorithms,
    ...(issuerAddress !== undefined && { issuerAddress }),
    ...(keyRefreshInterval !== undefined && { refreshInterval: keyRefreshInterval }),
    ...(keyCooldown !== undefined && { cooldown: keyCooldown }),
    onError: (error) => logger.warn({ msg: "a problem with the authorization server's keys", err: error }),
  });
}

function revocationsOf(
  { issuer, issuerAddress, revocations }: ResourceServerOptions,
  keys: KeySource,
): RevocationSource | undefined {
  if (!revocations || 'isRevoked' in revocations) return revocations;
  const logger = new Logger(RevocationClient.name);
  return new RevocationClient({
    ...revocations,
    issuer,
    ...(issuerAddress !== undefined && { issuerAddress }),
    keys,
    onError: (error) => logger.warn({ msg: 'a problem with the revocation list', err: error }),
    onStaleness: (isStale) => {
      const policy = revocations.whenStale ?? 'accept';
      if (isStale) logger.error({ msg: 'the revocation list is stale', policy });
      else logger.log({ msg: 'the revocation list is current again' });
    },
  });
}

import { Inject, Injectable } from '@nestjs/common';
import { issueAccessToken, type IssuedAccessToken } from '@lanyard/access-token';
import { formatScope, OAuthError } from '@lanyard/oauth-protocol';
import { CONFIGURATION } from '@lanyard/service-defaults';
import type { AuditRecord } from '../../audit/append-audit-events.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import type { Client } from '../../registry/client.entity.ts';
import { ProtectedResources } from '../../registry/protected-resources.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';
import { resourceOf, scopeOf, type TokenRequest } from './token-request.ts';

/** What a client may be granted for a request, and how the audit log tells of it. */
interface Grant {
  scope: string;
  audience: string;
  issued: AuditRecord;
}

/** How many different requests of a client are remembered. */
const rememberedRequests = 16;

/** The client credentials grant, RFC 6749 section 4.4. */
@Injectable()
export class ClientCredentialsGrant {
  /** What was worked out before: it holds for as long as neither the client nor the resources change. */
  private grants = new WeakMap<Client, Map<string, Grant>>();
  private grantedOf: object | undefined;

  constructor(
    private readonly resources: ProtectedResources,
    private readonly keys: SigningKeys,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  /** @param grantId  what all tokens that may have to be revoked together have in common */
  issue(client: Client, grantId: string, request: TokenRequest): IssuedAccessToken & { issued: AuditRecord } {
    const { scope, audience, issued } = this.grantOf(client, request);
    const { token, claims } = issueAccessToken(this.configuration.ISSUER, this.keys.current, {
      clientId: client.clientId,
      audience,
      scope,
      grantId,
      lifetime: client.accessTokenLifetime ?? this.configuration.ACCESS_TOKEN_LIFETIME,
    });
    return { token, claims, issued };
  }

  private grantOf(client: Client, request: TokenRequest): Grant {
    if (this.grantedOf !== this.resources.all) {
      this.grants = new WeakMap();
      this.grantedOf = this.resources.all;
    }
    let grants = this.grants.get(client);
    if (!grants) this.grants.set(client, (grants = new Map()));
    const key = `${request.scope ?? ''}\n${request.resource ?? ''}`;
    let grant = grants.get(key);
    if (!grant) {
      grant = this.workOut(client, request);
      if (grants.size < rememberedRequests) grants.set(key, grant);
    }
    return grant;
  }

  private workOut(client: Client, { scope: text, resource }: TokenRequest): Grant {
    const { clientId, grantTypes } = client;
    if (!grantTypes.includes('client_credentials')) {
      throw new OAuthError('unauthorized_client', 'the client may not use this grant type');
    }
    const { scope: values, audience } = this.grantedScope(client, {
      scope: scopeOf(text),
      resource: resourceOf(resource),
    });
    const scope = formatScope(values);
    const issued = {
      type: 'access_token.issued',
      origin: { actor: clientId },
      clientId,
      details: { audience, scope },
    } as const;
    return { scope, audience, issued };
  }

  /**
   * What was asked for, or the client's default scope, all of one protected resource: its identifier becomes the
   * audience. Scope values of several resources are refused, RFC 9068 section 3.
   */
  private grantedScope(
    client: Client,
    { scope, resource }: { scope?: ReadonlySet<string>; resource?: string },
  ): { scope: string[]; audience: string } {
    const resourceOf = (value: string) => this.resources.resourceOf(value);
    if (resource !== undefined && !client.scope.some((value) => resourceOf(value) === resource)) {
      throw new OAuthError('invalid_target', 'the resource is unknown, or not for this client');
    }
    const granted = scope
      ? [...scope]
      : client.defaultScope.filter((value) => resource === undefined || resourceOf(value) === resource);
    if (granted.length === 0) {
      throw new OAuthError('invalid_scope', 'no scope was asked for, and the client has no default scope here');
    }
    if (!granted.every((value) => client.scope.includes(value) && resourceOf(value) !== undefined)) {
      throw new OAuthError('invalid_scope', 'the scope is unknown, or wider than the client may have');
    }
    const audiences = new Set(granted.map(resourceOf));
    const [audience] = audiences;
    if (audience === undefined || audiences.size > 1) {
      throw new OAuthError('invalid_scope', 'the scope spans several resources: ask for one token each');
    }
    if (resource !== undefined && audience !== resource) {
      throw new OAuthError('invalid_scope', 'the scope does not belong to the resource');
    }
    return { scope: granted, audience };
  }
}

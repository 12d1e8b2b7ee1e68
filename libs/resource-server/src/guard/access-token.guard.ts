import {
  ForbiddenException,
  Inject,
  Injectable,
  Logger,
  ServiceUnavailableException,
  type ExecutionContext,
} from '@nestjs/common';
import { InvalidTokenError, KeysUnavailableError, type AccessToken } from '@lanyard/access-token';
import { formatChallenge, formatScope, protectedResourceMetadataUrl } from '@lanyard/oauth-protocol';
import { AuthGuard } from '@nestjs/passport';
import { accessRuleOf } from '../access/access-rule.ts';
import { anyResource, namedResourceOf } from '../access/for-resource.ts';
import { RESOURCE_SERVER_OPTIONS, type ResourceServerOptions } from '../options.ts';
import {
  BearerException,
  credentialsMissing,
  requestInvalid,
  scopeInsufficient,
  tokenInvalid,
} from './bearer-exception.ts';
import { RevocationUnknownError } from '../revocations/revocation-source.ts';
import { BearerStrategy } from './bearer.strategy.ts';

interface BearerRequest {
  id?: string;
  body?: unknown;
  query?: unknown;
  user?: AccessToken;
}

/**
 * Guards every route: refuses undeclared routes, and requires a token with the scopes of the route unless it is public.
 *
 *     canActivate        reads the access rule of the route
 *       requireScopes    refuses tokens outside the Authorization header
 *         AuthGuard      gets the strategy of this application from passport, by its name
 *           BearerStrategy.validate   checks signature, claims and revocation (passport-http-bearer read the header)
 *         handleRequest  turns the outcome into `request.user`, or into a refusal
 *       requireScopes    compares the token's scopes with those of the route; adds the challenge to a refusal
 */
@Injectable()
export class AccessTokenGuard extends AuthGuard() {
  private readonly logger = new Logger(AccessTokenGuard.name);

  constructor(
    @Inject(RESOURCE_SERVER_OPTIONS) private readonly resourceServer: ResourceServerOptions,
    strategy: BearerStrategy,
  ) {
    super({ defaultStrategy: strategy.name });
  }

  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const rule = accessRuleOf(context.getHandler(), context.getClass());
    if (!rule) throw new ForbiddenException('the route declares no access rule');
    return 'public' in rule || this.requireScopes(rule.scopes, context);
  }

  private async requireScopes(needed: readonly string[], context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<BearerRequest>();
    try {
      requireTokenInHeader(request);
      await super.canActivate(context);
      requireAudience(request.user, this.namedBy(context));
      const scopes = request.user?.scopes;
      if (!needed.every((value) => scopes?.has(value))) throw scopeInsufficient(formatScope(needed));
      return true;
    } catch (error) {
      if (error instanceof BearerException) this.challenge(error, context, request);
      throw error;
    }
  }

  /** @param status  400 if the strategy could not read the header; then `user` is false and `info` undefined */
  override handleRequest<User = AccessToken>(
    error: unknown,
    user: User | false,
    _info: unknown,
    context: ExecutionContext,
    status?: number,
  ): User {
    if (error instanceof InvalidTokenError) throw tokenInvalid(error.description, error.cause);
    if (error instanceof KeysUnavailableError || error instanceof RevocationUnknownError) {
      void context.switchToHttp().getResponse().header('retry-after', '1');
      throw new ServiceUnavailableException('access tokens cannot be validated at the moment');
    }
    if (error) throw error as Error;
    if (user) return user;
    if (status === 400) throw requestInvalid('the Authorization header is malformed');
    const rule = accessRuleOf(context.getHandler(), context.getClass());
    throw credentialsMissing(rule && 'scopes' in rule ? formatScope(rule.scopes) || undefined : undefined);
  }

  private namedBy(context: ExecutionContext): string {
    return namedResourceOf(context.getHandler(), context.getClass()) ?? this.resourceServer.resource;
  }

  private challenge(exception: BearerException, context: ExecutionContext, { id, user }: BearerRequest): void {
    const resource = this.namedBy(context);
    const metadata = protectedResourceMetadataUrl(resource === anyResource ? this.resourceServer.resource : resource);
    const challenge = { ...exception.challenge, resource_metadata: metadata };
    void context.switchToHttp().getResponse().header('www-authenticate', formatChallenge('Bearer', challenge));
    this.logger.warn({
      msg: 'access refused',
      error: exception.challenge.error ?? 'no credentials',
      reason: exception.cause instanceof Error ? exception.cause.message : exception.cause,
      client_id: user?.clientId,
      needed: exception.challenge.scope,
      request_id: id,
    });
  }
}

/** The strategy accepts tokens for each of the service's resources; a route belongs to one of them. */
function requireAudience(token: AccessToken | undefined, resource: string): void {
  if (token && resource !== anyResource && ![token.claims.aud].flat().includes(resource)) {
    throw tokenInvalid('the access token is invalid', `unexpected "aud" claim value: the route belongs to ${resource}`);
  }
}

/**
 * The strategy would accept tokens from query and body too, which RFC 6750 section 5.3 and RFC 9700 section 4.3.2
 * forbid.
 */
function requireTokenInHeader({ body, query }: BearerRequest): void {
  for (const place of [query, body]) {
    if (typeof place === 'object' && place !== null && 'access_token' in place) {
      throw requestInvalid('an access token is accepted only in the Authorization header');
    }
  }
}

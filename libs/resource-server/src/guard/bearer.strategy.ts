import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InvalidTokenError, RememberingValidator, type AccessToken } from '@lanyard/access-token';
import { PassportStrategy } from '@nestjs/passport';
import passport from 'passport';
import { Strategy } from 'passport-http-bearer';
import { KEY_SOURCE, type KeySource } from '../keys/key-source.ts';
import { RESOURCE_SERVER_OPTIONS, type ResourceServerOptions } from '../options.ts';
import { REVOCATION_SOURCE, type RevocationSource } from '../revocations/revocation-source.ts';

/**
 * passport-http-bearer takes the token from the header; jose validates it, RFC 9068 section 4. The strategy has a
 * unique name, since passport has one list of strategies for all applications of a process. It must be used by that
 * name: concurrent requests share a strategy that is given to passport as an object, and get each other's outcomes.
 */
@Injectable()
export class BearerStrategy extends PassportStrategy(Strategy, 'lanyard-bearer') {
  declare name: string;
  private readonly validator: RememberingValidator;

  constructor(
    @Inject(KEY_SOURCE) keys: KeySource,
    @Inject(REVOCATION_SOURCE) private readonly revocations: RevocationSource | undefined,
    @Inject(RESOURCE_SERVER_OPTIONS) options: ResourceServerOptions,
  ) {
    super();
    this.name = `lanyard-bearer ${randomUUID()}`;
    const { resource, otherResources = [], rememberedTokens: remembered } = options;
    const { issuer, types, algorithms, clockTolerance } = options;
    const audience = [resource, ...otherResources];
    const requirements = { issuer, audience, types, algorithms, clockTolerance };
    this.validator = new RememberingValidator(keys, { ...requirements, remembered });
    passport.use(this);
  }

  async validate(token: string): Promise<AccessToken> {
    const accessToken = await this.validator.validate(token);
    if (await this.revocations?.isRevoked(accessToken, token)) {
      throw new InvalidTokenError('the access token was revoked', 'it is on the revocation list');
    }
    return accessToken;
  }
}

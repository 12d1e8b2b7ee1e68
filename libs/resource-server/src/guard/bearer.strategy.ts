import { Inject, Injectable } from '@nestjs/common';
import { validateAccessToken, type AccessToken } from '@lanyard/access-token';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-http-bearer';
import { RemoteKeys } from '../keys/remote-keys.ts';
import { RESOURCE_SERVER_OPTIONS, type ResourceServerOptions } from '../options.ts';

/** passport-http-bearer takes the token from the header; jose validates it, RFC 9068 section 4. */
@Injectable()
export class BearerStrategy extends PassportStrategy(Strategy, 'bearer') {
  constructor(
    @Inject(RemoteKeys) private readonly keys: RemoteKeys,
    @Inject(RESOURCE_SERVER_OPTIONS) private readonly options: ResourceServerOptions,
  ) {
    super();
  }

  validate(token: string): Promise<AccessToken> {
    const { issuer, resource: audience, algorithms, clockTolerance } = this.options;
    return validateAccessToken(token, this.keys.getKey, { issuer, audience, algorithms, clockTolerance });
  }
}

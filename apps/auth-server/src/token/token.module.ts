import { Module } from '@nestjs/common';
import { ClientAuthenticationModule } from '../client-authentication/client-authentication.module.ts';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';
import { TokenEndpoint } from './token-endpoint.ts';

@Module({
  imports: [ClientAuthenticationModule, SigningKeysModule],
  providers: [ClientCredentialsGrant, TokenEndpoint],
})
export class TokenModule {}

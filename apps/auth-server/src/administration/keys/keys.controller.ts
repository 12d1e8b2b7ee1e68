import { Body, Controller, Get, HttpCode, HttpStatus, Param, Post } from '@nestjs/common';
import { keyRotationSchema, signingKeyListSchema, signingKeySchema, type KeyRotation } from '@lanyard/administration';
import { RequireScopes } from '@lanyard/resource-server';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { SigningKeyRow } from '../../signing-keys/signing-key.entity.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';
import { CurrentAdministrator, type Administrator } from '../current-administrator.ts';
import { Emergency, LookUp } from '../work-at-a-time.ts';
import { Keys } from './keys.ts';

@ApiTags('keys')
@Controller('admin/keys')
export class KeysController {
  constructor(
    private readonly keys: Keys,
    private readonly signingKeys: SigningKeys,
    private readonly database: DataSource,
  ) {}

  @Get()
  @RequireScopes('keys:read')
  @LookUp()
  @ApiOperation({ summary: 'List the signing keys, newest first' })
  @ApiResponse({ status: 200, standardSchema: signingKeyListSchema })
  async list() {
    const rows = await this.database.manager.find(SigningKeyRow, { order: { createdAt: 'DESC' } });
    return { items: rows.map((row) => this.signingKeys.describe(row)) };
  }

  @Post('rotate')
  @HttpCode(HttpStatus.OK)
  @RequireScopes('keys:rotate')
  @Emergency()
  @ApiOperation({
    summary: 'Announce a successor of the signing key; or, in an emergency, replace all keys at once',
  })
  @ApiResponse({ status: 200, standardSchema: signingKeyListSchema })
  async rotate(
    @Body({ schema: keyRotationSchema }) { emergency }: KeyRotation,
    @CurrentAdministrator() administrator: Administrator,
  ) {
    await (emergency ? this.keys.replaceAll(administrator) : this.keys.announce(administrator));
    return this.list();
  }

  @Post(':kid/withdraw')
  @HttpCode(HttpStatus.OK)
  @RequireScopes('keys:rotate')
  @Emergency()
  @ApiOperation({ summary: 'Delete one signing key and revoke its tokens; if it signs, a new one signs at once' })
  @ApiResponse({ status: 200, standardSchema: signingKeyListSchema })
  async withdraw(
    @Param('kid', { schema: signingKeySchema.shape.kid }) kid: string,
    @CurrentAdministrator() administrator: Administrator,
  ) {
    await this.keys.withdraw(kid, administrator);
    return this.list();
  }

  @Post('reencrypt')
  @HttpCode(HttpStatus.OK)
  @RequireScopes('keys:rotate')
  @ApiOperation({ summary: 'Encrypt the private keys with the first of the key encryption keys' })
  @ApiResponse({ status: 200, standardSchema: z.object({ reencrypted: z.int() }) })
  @ApiResponse({ status: 409, description: 'the key that encrypts one of them is missing' })
  async reencrypt(@CurrentAdministrator() administrator: Administrator) {
    return { reencrypted: await this.keys.reencrypt(administrator) };
  }
}

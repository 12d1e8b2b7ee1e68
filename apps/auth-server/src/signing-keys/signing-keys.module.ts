import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ReplicasModule } from '../replicas/replicas.module.ts';
import { KeyRotation } from './key-rotation.ts';
import { SigningKeyRow } from './signing-key.entity.ts';
import { SigningKeys } from './signing-keys.ts';

@Module({
  imports: [TypeOrmModule.forFeature([SigningKeyRow]), ReplicasModule],
  providers: [SigningKeys, KeyRotation],
  exports: [SigningKeys],
})
export class SigningKeysModule {}

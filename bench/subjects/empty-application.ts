/** What Nest and Fastify cost by themselves: an application with nothing in it. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

@Module({})
class EmptyModule {}

const app = await NestFactory.create<NestFastifyApplication>(EmptyModule, new FastifyAdapter(), { logger: false });
// As Lanyard's services do it, to see what that alone gives.
if (process.env.COLLECT) {
  const file = new URL('../../../libs/service-defaults/dist/collect-garbage.js', import.meta.url).href;
  const { collectGarbage } = (await import(file)) as { collectGarbage: () => void };
  collectGarbage();
}
process.on('disconnect', () => process.exit());
await app.listen(Number(process.env.PORT), '127.0.0.1');

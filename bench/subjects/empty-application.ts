/** The cost of Nest and Fastify by themselves: an empty application. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

@Module({})
class EmptyModule {}

const app = await NestFactory.create<NestFastifyApplication>(EmptyModule, new FastifyAdapter(), { logger: false });
// As Lanyard's services do, to measure the effect of this step.
if (process.env.COLLECT) {
  const file = new URL('../../../libs/service-defaults/dist/collect-garbage.js', import.meta.url).href;
  const { collectGarbage } = (await import(file)) as { collectGarbage: () => void };
  collectGarbage();
}
process.on('disconnect', () => process.exit());
await app.listen(Number(process.env.PORT), '127.0.0.1');

/**
 * The jobs API with its route `GET /jobs` protected in one of three ways (`PROTECTION`): as it is, not at all, or in
 * the usual way: passport-http-bearer, and jose's `jwtVerify` for each request.
 */
import 'reflect-metadata';
import { Injectable, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { Public } from '@lanyard/resource-server';
import { runService } from '@lanyard/service-defaults';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Strategy } from 'passport-http-bearer';

const dist = new URL('../../../apps/jobs-api/dist/', import.meta.url);
const { jobsApi } = (await import(
  new URL('jobs-api.js', dist).href
)) as typeof import('../../apps/jobs-api/src/jobs-api.ts');
const { JobsController } = (await import(
  new URL('jobs/jobs.controller.js', dist).href
)) as typeof import('../../apps/jobs-api/src/jobs/jobs.controller.ts');

const { PROTECTION = 'lanyard', ISSUER = '', RESOURCE = '' } = process.env;
const { prototype } = JobsController;
const route = [prototype, 'list', Object.getOwnPropertyDescriptor(prototype, 'list')!] as const;

@Injectable()
class PlainBearerStrategy extends PassportStrategy(Strategy, 'plain-bearer') {
  private readonly keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`));

  async validate(token: string): Promise<object> {
    const { payload } = await jwtVerify(token, this.keys, {
      typ: 'at+jwt',
      issuer: ISSUER,
      audience: RESOURCE,
      algorithms: ['ES256'],
    });
    if (!String(payload.scope).split(' ').includes('jobs:read')) throw new Error('the scope is missing');
    return payload;
  }
}

if (PROTECTION !== 'lanyard') Public()(...route);
if (PROTECTION === 'plain') UseGuards(AuthGuard('plain-bearer'))(...route);
const service =
  PROTECTION === 'plain'
    ? {
        ...jobsApi,
        module: (configuration: Parameters<typeof jobsApi.module>[0]) => {
          const module = jobsApi.module(configuration);
          return { ...module, providers: [...(module.providers ?? []), PlainBearerStrategy] };
        },
      }
    : jobsApi;
await runService(service);

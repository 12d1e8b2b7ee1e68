import type { AccessToken } from '@lanyard/resource-server';
import { addRouteHooks, problemException } from '@lanyard/service-defaults';
import { RouteConfig, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { HttpException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { limits, type AdministrationKind } from '../administration-limits.ts';
import { Throttling } from '../throttling/throttling.ts';

/** Marks a route that takes access away: other work of administrators neither counts against it nor delays it. */
export const Emergency = () => RouteConfig({ kind: 'emergency' satisfies AdministrationKind });

/** Marks a route that reads a few rows by their key: emergencies begin with it, so other reads must not delay it. */
export const LookUp = () => RouteConfig({ kind: 'look_up' satisfies AdministrationKind });

/** Marks a route that reads or writes many rows at once. */
export const Bulk = () => RouteConfig({ kind: 'bulk' satisfies AdministrationKind });

/**
 * Refuses requests over the limits with 429, RFC 6585 section 4. Bulk work counts before its body is read, since that
 * may be large; all other work counts once the body has arrived, so that a slow sender takes no place.
 */
export function limitWorkAtATime(
  app: NestFastifyApplication,
  isAdministration: (route: { url?: string }) => boolean,
): void {
  const kinds = Object.entries(limits).map(([kind, limit]) => [kind, new WorkAtATime(limit)] as const);
  const work = Object.fromEntries(kinds) as Record<AdministrationKind, WorkAtATime>;
  const throttling = app.get(Throttling);
  const underWay = new WeakMap<FastifyRequest, () => void>();
  const begin = (request: FastifyRequest): HttpException | undefined => {
    const kind = kindOf(request);
    const { user } = request as unknown as { user: AccessToken };
    const endWork = work[kind].begin(user.clientId);
    if (endWork) {
      underWay.set(request, endWork);
      return undefined;
    }
    throttling.refused(`administration_${kind}`, request);
    const { perAdministrator, ofAll } = limits[kind];
    const total = Number.isFinite(ofAll) ? ` and ${ofAll} in total` : '';
    const detail = `At most ${perAdministrator} requests of this kind per administrator${total} are handled at a time; try again later`;
    return problemException(429, 'too-many-at-a-time', 'Too many requests at a time', { detail });
  };
  const end = (request: FastifyRequest) => {
    underWay.get(request)?.();
    underWay.delete(request);
  };
  addRouteHooks(app.getHttpAdapter().getInstance(), isAdministration, {
    preParsing: (request, _reply, _payload, done) => {
      done(kindOf(request) === 'bulk' ? begin(request) : undefined);
    },
    preValidation: (request, _reply, done) => {
      done(kindOf(request) === 'bulk' ? undefined : begin(request));
    },
    // Not when the connection is closed: the work continues after its caller has disconnected.
    onSend: (request, _reply, _payload, done) => {
      end(request);
      done();
    },
    onResponse: (request, _reply, done) => {
      end(request);
      done();
    },
  });
}

function kindOf({ method, routeOptions: { config } }: FastifyRequest): AdministrationKind {
  const { kind } = config as { kind?: AdministrationKind };
  return kind ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write');
}

/** Counts the work in progress. */
export class WorkAtATime {
  private readonly byAdministrator = new Map<string, number>();
  private all = 0;

  constructor(private readonly limit: { perAdministrator: number; ofAll: number }) {}

  /** @returns a function that ends the work, to be called once; undefined if a limit is reached */
  begin(administrator: string): (() => void) | undefined {
    const own = this.byAdministrator.get(administrator) ?? 0;
    if (own >= this.limit.perAdministrator || this.all >= this.limit.ofAll) return undefined;
    this.byAdministrator.set(administrator, own + 1);
    this.all += 1;
    return () => this.end(administrator);
  }

  private end(administrator: string): void {
    const left = this.byAdministrator.get(administrator)! - 1;
    if (left > 0) this.byAdministrator.set(administrator, left);
    else this.byAdministrator.delete(administrator);
    this.all -= 1;
  }
}

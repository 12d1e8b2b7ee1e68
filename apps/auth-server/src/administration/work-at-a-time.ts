import type { AccessToken } from '@lanyard/resource-server';
import { addLogFields, addRouteHooks, problemException } from '@lanyard/service-defaults';
import { RouteConfig, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/** How many requests of a kind a replica handles at a time: of one administrator, and of all. */
const limits = {
  /** takes access away */
  emergency: { perAdministrator: 10, ofAll: 20 },
  /** reads a few rows by their key, as an emergency does first */
  lookUp: { perAdministrator: 5, ofAll: 20 },
  /** reads or writes very much at once */
  bulk: { perAdministrator: 1, ofAll: 2 },
  write: { perAdministrator: 5, ofAll: 10 },
  read: { perAdministrator: 5, ofAll: 10 },
} as const;
type Kind = keyof typeof limits;

/** Marks a route that takes access away: what else administrators do does not count against it, nor delay it. */
export const Emergency = () => RouteConfig({ kind: 'emergency' satisfies Kind });

/** Marks a route that reads a few rows by their key: emergencies begin with it, so that other reading does not delay it. */
export const LookUp = () => RouteConfig({ kind: 'lookUp' satisfies Kind });

/** Marks a route that reads or writes very much at once. */
export const Bulk = () => RouteConfig({ kind: 'bulk' satisfies Kind });

/** Refuses what is too much at a time with 429, RFC 6585 section 4, before the body is read. */
export function limitWorkAtATime(app: NestFastifyApplication, isAdministration: (route: string) => boolean): void {
  const kinds = Object.entries(limits).map(([kind, limit]) => [kind, new WorkAtATime(limit)] as const);
  const work = Object.fromEntries(kinds) as Record<Kind, WorkAtATime>;
  const underWay = new WeakMap<FastifyRequest, () => void>();
  const end = (request: FastifyRequest) => {
    underWay.get(request)?.();
    underWay.delete(request);
  };
  addRouteHooks(app.getHttpAdapter().getInstance(), isAdministration, {
    preParsing: (request, reply, _payload, done) => {
      const kind = kindOf(request);
      const { user } = request as unknown as { user: AccessToken };
      const ended = work[kind].begin(user.clientId);
      if (ended) {
        underWay.set(request, ended);
        return done();
      }
      addLogFields(request, { throttled: `administration (${kind})` });
      reply.header('retry-after', '1');
      const { perAdministrator, ofAll } = limits[kind];
      const detail = `At most ${perAdministrator} requests per administrator and ${ofAll} in total are handled at a time; try again later`;
      return done(problemException(429, 'too-many-at-a-time', 'Too many requests at a time', { detail }));
    },
    // Not when the connection is closed: what a caller does not wait for goes on.
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

function kindOf({ method, routeOptions: { config } }: FastifyRequest): Kind {
  const { kind } = config as { kind?: Kind };
  return kind ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write');
}

/** Counts what is under way. */
export class WorkAtATime {
  private readonly byAdministrator = new Map<string, number>();
  private all = 0;

  constructor(private readonly limit: { perAdministrator: number; ofAll: number }) {}

  /** @returns ends it, once; undefined where it is too much */
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

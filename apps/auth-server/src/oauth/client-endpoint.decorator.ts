import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  HttpStatus,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { Public } from '@lanyard/resource-server/access';
import { addRouteHooks, noStore, readText } from '@lanyard/service-defaults';
import { RouteConfig, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { errorCodes, type FastifyRequest } from 'fastify';
import { ClientAuthenticationGuard } from './client-authentication/client-authentication.guard.ts';
import { clientEndpoint, isClientEndpoint } from './client-endpoint.ts';
import { DescribeErrors } from './client-endpoint.openapi.ts';
import { formOf, parseForm, type FormParameters } from './form-parameters.ts';
import { OAuthErrorFilter } from './oauth-error.filter.ts';

/**
 * A route that clients call, with their own credentials instead of an access token. In this order, before the handler:
 * 1. the answer, also an error, is kept out of caches, RFC 6749 section 5.1;
 * 2. a body must be a form, RFC 6749 section 3.2;
 * 3. the client authenticates, RFC 6749 section 2.3;
 * 4. the other guards, such as the client's quota, admit the request.
 * The answer is 200, or an error as in RFC 6749 section 5.2.
 */
export const ClientEndpoint = (route: MethodDecorator, ...guards: Type<CanActivate>[]): MethodDecorator =>
  applyDecorators(
    route,
    HttpCode(HttpStatus.OK),
    RouteConfig(clientEndpoint),
    Public(),
    UseGuards(ClientAuthenticationGuard, ...guards),
    DescribeErrors(),
  );

/** The parameters of the request. */
export const Form = createParamDecorator((_: unknown, context: ExecutionContext): FormParameters =>
  formOf(context.switchToHttp().getRequest<FastifyRequest>().body),
);

/** Sets up what client endpoints need of the application; call it before routes are registered. */
export function serveClientEndpoints(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  app.useGlobalFilters(new OAuthErrorFilter());
  addRouteHooks(fastify, isClientEndpoint, noStore);
  fastify.removeAllContentTypeParsers();
  const type = 'application/x-www-form-urlencoded';
  const parse = readText((_request, body, done) => done(null, parseForm(body)));
  fastify.addContentTypeParser(type, (request, payload, done) => {
    if (request.is404) return done(null, undefined);
    if (!isClientEndpoint(request.routeOptions)) return done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(type));
    return parse(request, payload, done);
  });
}

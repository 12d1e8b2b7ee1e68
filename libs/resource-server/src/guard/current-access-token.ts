import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AccessToken } from '@lanyard/access-token';

/** The access token that the guard validated; undefined on public routes. */
export const CurrentAccessToken = createParamDecorator(
  (_: unknown, context: ExecutionContext): AccessToken => context.switchToHttp().getRequest().user,
);

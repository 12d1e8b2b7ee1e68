import { applyDecorators } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiOperation,
  ApiResponse,
  ApiSecurity,
  ApiTags,
  type OpenAPIObject,
} from '@nestjs/swagger';

type SchemaObject = Exclude<NonNullable<OpenAPIObject['components']>['schemas'], undefined>[string];

/** The security scheme of client authentication, RFC 6749 section 2.3.1. */
export const clientSecretScheme = 'client_secret_basic';

const text = (description: string): SchemaObject => ({ type: 'string', description });

const errorSchema: SchemaObject = {
  type: 'object',
  required: ['error'],
  properties: { error: text('RFC 6749 section 5.2'), error_description: text('for developers') },
};

const error = (status: number, description: string) =>
  ApiResponse({ status, description, content: { 'application/json': { schema: errorSchema } } });

/** The errors and the security scheme of every endpoint at which clients authenticate. */
export const DescribeErrors = () =>
  applyDecorators(
    ApiTags('oauth'),
    ApiSecurity(clientSecretScheme),
    error(400, 'the request is invalid, RFC 6749 section 5.2'),
    error(401, 'client authentication failed, with a challenge'),
    error(
      429,
      'the client is over its quota, or failed to authenticate too often from this address: try again after Retry-After',
    ),
    error(503, 'temporarily unavailable: try again after Retry-After'),
  );

interface Form {
  summary: string;
  /** names and descriptions; those that end with "?" may be left out */
  parameters: Record<string, string>;
}

/** The form that an OAuth endpoint takes, client authentication by `client_secret_post` included. */
export function DescribeForm({ summary, parameters }: Form) {
  const all = { ...parameters, 'client_id?': 'with client_secret_post', 'client_secret?': 'with client_secret_post' };
  const properties = Object.entries(all).map(([name, about]) => [name.replace('?', ''), text(about)]);
  return applyDecorators(
    ApiOperation({ summary }),
    ApiConsumes('application/x-www-form-urlencoded'),
    ApiBody({
      schema: {
        type: 'object',
        required: Object.keys(parameters).filter((name) => !name.endsWith('?')),
        properties: Object.fromEntries(properties) as Record<string, SchemaObject>,
      },
    }),
  );
}

/**
 * A JSON answer with these members.
 * @param signedType  the media type of the same answer as a JWT, if clients may request it
 */
export const DescribeAnswer = (
  description: string,
  properties: Record<string, SchemaObject>,
  required: string[],
  signedType?: string,
) =>
  ApiResponse({
    status: 200,
    description,
    content: {
      'application/json': { schema: { type: 'object', required, properties } },
      ...(signedType && { [signedType]: { schema: text('a JWT') } }),
    },
  });

/** The part of an OpenAPI document that is used here. */
interface ApiDocument {
  paths: Record<string, object>;
  components?: { schemas?: Record<string, object> };
}

interface Operation {
  parameters?: { in?: string; name?: string }[];
  requestBody?: unknown;
  responses: Record<string, { description?: string; content?: object }>;
  security?: Record<string, string[]>[];
}

/** RFC 9728 section 3.1. */
const resourceMetadata = '/.well-known/oauth-protected-resource';

/** Responses of hooks, guards and filters, which a request may get at any route. */
const answers = {
  withInput: { 400: 'the request is invalid; the answer names each invalid field' },
  withBody: {
    408: 'the body did not arrive in time',
    413: 'the body is too large',
  },
  guarded: {
    401: 'the access token is missing or invalid, with a challenge',
    415: 'the request has a content coding, or a body of a type that the route does not accept',
    429: 'the client has sent more requests than its quota allows, or too many bytes at once: try again after Retry-After',
    503: 'temporarily unavailable: try again after Retry-After',
  },
  withPath: { 404: 'there is nothing with this name' },
  ifMatch: { 412: 'its state differs from If-Match' },
  idempotent: { 422: 'the Idempotency-Key was used for another request' },
  scoped: { 403: 'the access token lacks the scope, with a challenge that names it' },
};

/**
 * Adds the common responses of all routes to an OpenAPI document.
 * @param scheme  the security scheme of guarded routes
 * @param more    descriptions that differ, by status
 */
export function describeAnswers<Document extends ApiDocument>(
  document: Document,
  scheme: string,
  more: Record<string, string> = {},
): Document {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item) as [string, Operation][]) {
      // Nest calls the parameter `*`, but `path` in the path.
      for (const parameter of operation.parameters ?? []) if (parameter.name === '*') parameter.name = 'path';
      if (path.startsWith(resourceMetadata))
        operation.responses[404] = { description: 'the path of the resource is different' };
      const requirement = operation.security?.find((one) => scheme in one);
      complete(method, operation, requirement?.[scheme], more);
    }
  }
  const schemas = { ...document.components?.schemas, Problem: problemSchema };
  return { ...document, components: { ...document.components, schemas } };
}

function complete(
  method: string,
  operation: Operation,
  scopes: readonly string[] | undefined,
  more: Record<string, string>,
): void {
  const parameters = operation.parameters ?? [];
  // A body is parsed even if the route does not use it.
  const takesInput = method !== 'get' || parameters.length > 0;
  const hasHeader = (header: string) => parameters.some(({ in: place, name }) => place === 'header' && name === header);
  const given: Record<string, string> = {
    ...(scopes && takesInput && answers.withInput),
    ...(scopes && operation.requestBody !== undefined && answers.withBody),
    ...(parameters.some(({ in: place }) => place === 'path') && answers.withPath),
    ...(hasHeader('If-Match') && answers.ifMatch),
    ...(hasHeader('Idempotency-Key') && answers.idempotent),
    ...(scopes && answers.guarded),
    ...(scopes && scopes.length > 0 && answers.scoped),
  };
  operation.security ??= [];
  const own = operation.responses;
  const statuses = new Set([...Object.keys(own), ...Object.keys(given)]);
  operation.responses = Object.fromEntries(
    [...statuses].toSorted().map((status) => {
      const description = own[status]?.description || (given[status] && (more[status] ?? given[status])) || '';
      const isProblem = Number(status) >= 400 && own[status]?.content === undefined;
      return [status, { ...own[status], description, ...(isProblem && { content: problemContent }) }];
    }),
  );
}

const problemContent = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

/** RFC 9457 section 3.1. */
const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string', description: 'the kind of problem, for example urn:lanyard:problem:lease-lost' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { field: { type: 'string' }, message: { type: 'string' } } },
    },
  },
};

import { gzipSync } from 'node:zlib';
import { assertNoToken, formType, grant } from '../assert-no-token.ts';
import type { Attack } from '../attack.ts';
import { call, counted, form, type Request } from '../http.ts';
import { assert } from '../not-stopped.ts';

export const grants: Attack[] = [
  {
    name: 'another content type',
    rule: '[form-encoding-only, RFC 6749 §3.2]',
    tries: 'JSON, XML, multipart, text, no type, two types, other charsets, compression, and forms declared as JSON',
    stoppedBy: 'the token endpoint reads only forms in UTF-8',
    run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const sent = (type: string | string[] | undefined, body: string | Buffer, headers = {}): Request => ({
        method: 'POST',
        headers: { authorization, ...(type !== undefined && { 'content-type': type }), ...headers },
        body,
      });
      const json = '{"grant_type":"client_credentials"}';
      return assertNoToken(
        target,
        {
          JSON: sent('application/json', json),
          'JSON as a form': sent(formType, json),
          'a form as JSON': sent('application/json', grant),
          XML: sent('application/xml', '<grant_type>client_credentials</grant_type>'),
          multipart: sent(
            'multipart/form-data; boundary=x',
            '--x\r\ncontent-disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--x--\r\n',
          ),
          text: sent('text/plain', grant),
          'no type': sent(undefined, grant),
          'an empty type': sent('', grant),
          'a type with the right beginning': sent(`${formType}-extra`, grant),
          'two types': sent([`text/plain`, formType], grant),
          'UTF-16': sent(formType, Buffer.from(grant, 'utf16le')),
          'UTF-7': sent(`${formType}; charset=utf-7`, grant.replace('=', '+AD0-')),
          'a byte order mark': sent(formType, Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(grant)])),
          compressed: sent(formType, gzipSync(grant), { 'content-encoding': 'gzip' }),
          'no body': sent(formType, ''),
        },
        ['400 invalid_request', '400 unsupported_grant_type'],
      );
    },
  },
  {
    name: 'another method',
    rule: '[post-only, RFC 6749 §3.2]',
    tries: 'every other method, and POST that declares another one, at the OAuth endpoints',
    stoppedBy: 'the endpoints accept only POST, and answer other methods with 405',
    async run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const statuses = [];
      for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
        for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']) {
          const { status, text } = await call(`${target.issuer}${path}?${grant}`, {
            method,
            headers: { authorization },
          });
          assert(isRefused(status, method) && !text.includes('access_token'), `${method} ${path}: ${status}`);
          statuses.push(status);
        }
      }
      const overridden = await call(
        target.tokenEndpoint,
        form(`${grant}&_method=DELETE`, { authorization, 'x-http-method-override': 'DELETE' }),
      );
      assert(overridden.status === 200, `a method in a header or parameter counts: ${overridden.status}`);
      return counted(statuses);
    },
  },
  {
    name: 'another grant',
    rule: '[only-client-credentials, RFC 9700 §2.4]',
    tries: 'password, authorization code, refresh token, device code, token exchange, JWT bearer, and capitals',
    stoppedBy: 'the server supports only one grant type',
    run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const grants = [
        'password&username=a&password=b',
        'authorization_code&code=x',
        'refresh_token&refresh_token=x',
        'urn:ietf:params:oauth:grant-type:device_code&device_code=x',
        'urn:ietf:params:oauth:grant-type:token-exchange&subject_token=x',
        'urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x.y.z',
        'implicit',
        'CLIENT_CREDENTIALS',
        'client_credentials%20',
        'client_credentials%00',
        '__proto__',
      ];
      return assertNoToken(
        target,
        Object.fromEntries(grants.map((type) => [type, form(`grant_type=${type}`, { authorization })])),
        ['400 unsupported_grant_type'],
      );
    },
  },
  {
    name: 'more scope than allowed',
    rule: '[scope-not-widened, RFC 6749 §3.3]',
    tries: 'scopes that the client does not have, administrative scopes, malformed ones, and other resources',
    stoppedBy: 'a request gets only scopes that the client is registered with, for one resource',
    run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const asked: Record<string, string> = {
        'another client’s': 'scope=reports:read',
        'more than its own': 'scope=jobs:read reports:read',
        administration: 'scope=clients:write',
        'a wildcard': 'scope=*',
        'a prefix': 'scope=jobs',
        'in capitals': 'scope=JOBS:READ',
        'a line break': 'scope=jobs:read%0Areports:read',
        'a tab': 'scope=jobs:read%09reports:read',
        'two spaces': 'scope=jobs:read  jobs:write',
        'a comma': 'scope=jobs:read,reports:read',
        NUL: 'scope=jobs:read%00',
        'a prototype': 'scope=__proto__',
        'another resource': `resource=${target.batchProcessor}`,
        'the administration': `resource=${target.issuer}/admin`,
        'an unknown resource': 'resource=https://example.com',
        'a relative resource': 'resource=/jobs',
        'a resource with a fragment': `resource=${target.jobsApi}%23x`,
        'a script': 'resource=javascript:alert(1)',
      };
      return assertNoToken(
        target,
        Object.fromEntries(
          Object.entries(asked).map(([name, parameter]) => [name, form(`${grant}&${parameter}`, { authorization })]),
        ),
        ['400 invalid_scope', '400 invalid_target'],
      );
    },
  },
];

/**
 * Node does not support QUERY, and Fastify does not support PROPFIND: these requests are malformed or have no route.
 */
const isRefused = (status: number, method: string) =>
  status === 405 || (['PROPFIND', 'QUERY', 'TRACE'].includes(method) && [400, 404].includes(status));

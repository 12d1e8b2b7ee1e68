import { gzipSync } from 'node:zlib';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, counted, form, type Request } from '../http.ts';
import type { Target } from '../target.ts';

const grant = 'grant_type=client_credentials';
const formType = 'application/x-www-form-urlencoded';

/** Each request, by its name, must get no token, and one of these answers. */
async function insistOnNoToken(
  { tokenEndpoint }: Target,
  requests: Record<string, Request & { path?: string }>,
  errors: string[],
): Promise<string> {
  const answers: string[] = [];
  for (const [name, { path = '', ...request }] of Object.entries(requests)) {
    const { status, body, headers } = await call(tokenEndpoint + path, request);
    const answer = `${status} ${String(body.error ?? '')}`.trim();
    // Failures are counted: whoever attacks again and again has to wait.
    const expected = [...errors, '429 temporarily_unavailable'];
    assert(body.access_token === undefined && expected.includes(answer), `${name}: ${answer}`);
    assert(status === 404 || headers['cache-control'] === 'no-store', `${name}: the answer may be cached`);
    answers.push(answer);
  }
  return counted(answers);
}

export const tokenRequests: Attack[] = [
  {
    name: 'parameters twice',
    rule: '[repeated-parameter, RFC 6749 §3.2]',
    tries: 'each parameter twice, with the same and with another value, and in the spellings of arrays',
    stoppedBy: 'a parameter that is there twice is refused',
    run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const twice = {
        'grant_type twice': `${grant}&${grant}`,
        'another grant_type': `${grant}&grant_type=password`,
        'scope twice': `${grant}&scope=jobs:read&scope=jobs:write`,
        'scope twice, empty': `${grant}&scope=&scope=jobs:read`,
        'resource twice': `${grant}&resource=${target.jobsApi}&resource=${target.batchProcessor}`,
        'client_id twice': `${grant}&client_id=batch-processor&client_id=jobs-cli`,
        'an unknown one twice': `${grant}&x=1&x=2`,
        'encoded twice': `${grant}&scope=jobs:read&sc%6fpe=jobs:write`,
        'an array': 'grant_type[]=client_credentials',
        'an index': 'grant_type[0]=client_credentials',
        'an object': 'grant_type[x]=client_credentials',
      };
      return insistOnNoToken(
        target,
        Object.fromEntries(Object.entries(twice).map(([name, body]) => [name, form(body, { authorization })])),
        ['400 invalid_request', '400 invalid_target'],
      );
    },
  },
  {
    name: 'parameters in two places',
    rule: '[no-query-parameters, RFC 6749 §3.2]',
    tries: 'credentials and parameters in the query, half in the query and half in the body',
    stoppedBy: 'the body alone counts',
    async run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const credentials = new URLSearchParams({
        client_id: 'batch-processor',
        client_secret: target.secretOf('batch-processor'),
      });
      const refused = await insistOnNoToken(
        target,
        {
          'all in the query': { ...form(''), path: `?${grant}&${credentials}` },
          'credentials in the query': { ...form(grant), path: `?${credentials}` },
          'the grant in the query': { ...form('', { authorization }), path: `?${grant}` },
          'by GET': { path: `?${grant}&${credentials}` },
        },
        ['400 invalid_request', '401 invalid_client', '405'],
      );
      const scoped = await call(`${target.tokenEndpoint}?scope=reports:read`, form(grant, { authorization }));
      assert(scoped.body.scope === 'jobs:read jobs:write', `the query changes the scope: ${String(scoped.body.scope)}`);
      return refused;
    },
  },
  {
    name: 'two ways to be somebody',
    rule: '[one-authentication-method, RFC 6749 §2.3]',
    tries: 'Basic and the body at once, of one client and of two, Basic of one and client_id of another, two headers',
    stoppedBy: 'one method in a request, and one client',
    run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const own = new URLSearchParams({ client_id: 'jobs-cli', client_secret: target.secretOf('jobs-cli') });
      return insistOnNoToken(
        target,
        {
          'two clients': form(`${grant}&${own}`, { authorization }),
          'one client by both': form(
            `${grant}&client_id=batch-processor&client_secret=${target.secretOf('batch-processor')}`,
            { authorization },
          ),
          'client_id of another': form(`${grant}&client_id=jobs-cli`, { authorization }),
          'two schemes in one header': form(grant, { authorization: `${authorization}, Bearer x` }),
          'two headers': form(grant, { authorization: [authorization, target.authorizationOf('jobs-cli')] }),
          'an assertion besides': form(`${grant}&client_assertion=x.y.z&client_assertion_type=x`, { authorization }),
        },
        ['400 invalid_request', '401 invalid_client'],
      );
    },
  },
  {
    name: 'another content',
    rule: '[form-encoding-only, RFC 6749 §3.2]',
    tries:
      'JSON, XML, multipart, text, no type, two types, other charsets, compression, and forms that say they are JSON',
    stoppedBy: 'the token endpoint reads forms in UTF-8 and nothing else',
    run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const sent = (type: string | string[] | undefined, body: string | Buffer, headers = {}): Request => ({
        method: 'POST',
        headers: { authorization, ...(type !== undefined && { 'content-type': type }), ...headers },
        body,
      });
      const json = '{"grant_type":"client_credentials"}';
      return insistOnNoToken(
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
          'a type that begins like one': sent(`${formType}-extra`, grant),
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
    tries: 'every other method, and POST that says it is another one, at the token endpoint and its like',
    stoppedBy: 'the endpoints take POST, and answer everything else with 405',
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
    stoppedBy: 'there is one grant',
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
      return insistOnNoToken(
        target,
        Object.fromEntries(grants.map((type) => [type, form(`grant_type=${type}`, { authorization })])),
        ['400 unsupported_grant_type'],
      );
    },
  },
  {
    name: 'more than it may have',
    rule: '[scope-not-widened, RFC 6749 §3.3]',
    tries: 'scope that the client does not have, of the administration, malformed, and resources that are not for it',
    stoppedBy: 'what is asked for must be what the client was registered with, of one resource',
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
      return insistOnNoToken(
        target,
        Object.fromEntries(
          Object.entries(asked).map(([name, parameter]) => [name, form(`${grant}&${parameter}`, { authorization })]),
        ),
        ['400 invalid_scope', '400 invalid_target'],
      );
    },
  },
  {
    name: 'strange characters in every field',
    rule: '[strange-characters, Lanyard]',
    tries:
      'NUL, line breaks, halves of characters, marks of direction, look-alikes, long texts, in each parameter and in Basic',
    stoppedBy: 'each field has a syntax; what is not of it is refused, and nothing is repeated in the answer',
    async run(target) {
      const strange = [
        '%00',
        '%0d%0ax-injected:%201',
        '%E2%80%AE',
        '%ED%A0%80',
        '%C0%AF',
        '%FF%FE',
        '%',
        '%zz',
        '%F0%9F%92%A3',
        'bаtch-processor',
        'batch-processor%20',
        'batch-processor%E2%80%8B',
        '${jndi:ldap://localhost/a}',
        "'%3B--",
        '<script>',
        'x'.repeat(10_000),
      ];
      const authorization = target.authorizationOf('batch-processor');
      const statuses = [];
      const requests = strange.flatMap((text) => [
        ...['scope', 'resource', 'grant_type', 'client_id'].map((name) =>
          form(`${name === 'grant_type' ? '' : `${grant}&`}${name}=${text}`, { authorization }),
        ),
        form(`${grant}&client_id=${text}&client_secret=${text}`),
        form(grant, { authorization: `Basic ${Buffer.from(`${text}:${text}`).toString('base64')}` }),
        form(grant, { authorization: `Basic ${Buffer.from(decodeURIComponentSafely(text)).toString('base64')}` }),
      ]);
      for (const request of requests) {
        const { status, headers, body } = await call(target.tokenEndpoint, request);
        assert([400, 401, 429, 431].includes(status), `${String(request.body).slice(0, 60)}: ${status}`);
        assert(headers['x-injected'] === undefined, 'a header was injected');
        const description = String(body.error_description);
        assert(/^[\x20\x21\x23-\x5B\x5D-\x7E]*$/.test(description), `the answer has ${JSON.stringify(description)}`);
        statuses.push(status);
      }
      return counted(statuses);
    },
  },
];

/** Node knows no QUERY and PROPFIND is none of Fastify's: these are no requests, or lead nowhere. */
const isRefused = (status: number, method: string) =>
  status === 405 || (['PROPFIND', 'QUERY', 'TRACE'].includes(method) && [400, 404].includes(status));

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

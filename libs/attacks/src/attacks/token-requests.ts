import { assertNoToken, grant } from '../assert-no-token.ts';
import type { Attack } from '../attack.ts';
import { call, counted, form } from '../http.ts';
import { assert } from '../not-stopped.ts';

export const tokenRequests: Attack[] = [
  {
    name: 'repeated parameters',
    rule: '[repeated-parameter, RFC 6749 §3.2]',
    tries: 'each parameter twice, with the same and with another value, and in array notations',
    stoppedBy: 'a repeated parameter is refused',
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
      return assertNoToken(
        target,
        Object.fromEntries(Object.entries(twice).map(([name, body]) => [name, form(body, { authorization })])),
        ['400 invalid_request', '400 invalid_target'],
      );
    },
  },
  {
    name: 'parameters in two places',
    rule: '[no-query-parameters, RFC 6749 §3.2]',
    tries: 'credentials and parameters in the query, or split between the query and the body',
    stoppedBy: 'only the body counts',
    async run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const credentials = new URLSearchParams({
        client_id: 'batch-processor',
        client_secret: target.secretOf('batch-processor'),
      });
      const refused = await assertNoToken(
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
    name: 'two client authentication methods',
    rule: '[one-authentication-method, RFC 6749 §2.3]',
    tries:
      'Basic and the body together, for one client and for two, Basic of one and client_id of another, two headers',
    stoppedBy: 'a request may use one method, for one client',
    run(target) {
      const authorization = target.authorizationOf('batch-processor');
      const own = new URLSearchParams({ client_id: 'jobs-cli', client_secret: target.secretOf('jobs-cli') });
      return assertNoToken(
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
          'an additional assertion': form(`${grant}&client_assertion=x.y.z&client_assertion_type=x`, { authorization }),
        },
        ['400 invalid_request', '401 invalid_client'],
      );
    },
  },
  {
    name: 'strange characters in every field',
    rule: '[strange-characters, Lanyard]',
    tries:
      'NUL, line breaks, incomplete characters, direction marks, look-alikes and long texts, in each parameter and in Basic',
    stoppedBy: 'each field has a syntax; other values are refused, and the answer repeats none of them',
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

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

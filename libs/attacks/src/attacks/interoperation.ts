import { withNewClient } from '../attackers.ts';
import { administer } from '../administer.ts';
import type { Attack } from '../attack.ts';
import { call, counted } from '../http.ts';
import { assert } from '../not-stopped.ts';
import type { Target } from '../target.ts';

/** The path of a URL, below which an issuer is; empty if it has none. */
const pathOf = (issuer: string) => new URL(issuer).pathname.replace(/\/$/, '');

/** What third-party clients, validators and proxies need. */
export const interoperation: Attack[] = [
  {
    name: 'the authorization endpoint as an open redirector',
    rule: '[no-authorization, RFC 6749 §3.1]',
    tries: 'authorization requests that want to be redirected, or to have their parameters shown as a page',
    stoppedBy: 'the authorization endpoint reads no parameter: it answers each with the same page, and 400',
    async run(target) {
      const endpoint = `${target.issuer}/oauth/authorize`;
      const plain = await call(endpoint);
      const redirects = [
        'https://evil.example',
        '//evil.example',
        String.raw`/\evil.example`,
        'https:evil.example',
        `${target.issuer}@evil.example`,
        'javascript:alert(document.domain)',
        'https://evil.example/%0d%0aset-cookie:evil=1',
      ];
      const statuses = [];
      for (const redirect of redirects) {
        const query = new URLSearchParams({
          response_type: 'code',
          client_id: 'batch-processor',
          redirect_uri: redirect,
          state: '"><script src=https://evil.example></script>',
        });
        for (const mode of ['', '&response_mode=form_post', '&prompt=none', `&redirect_uri=${redirect}`]) {
          for (const method of ['GET', 'POST', 'HEAD']) {
            const { status, headers, text } = await call(`${endpoint}?${query}${mode}`, { method });
            const shown = JSON.stringify(headers) + text;
            assert(status === 400 || status === 405, `${method} with ${redirect} answered ${status}`);
            assert(headers.location === undefined && headers.refresh === undefined, `it redirects to ${redirect}`);
            assert(!shown.includes('evil') && !shown.includes('<script'), `${method} repeats ${redirect}`);
            assert(method !== 'GET' || text === plain.text, `the page differs for ${redirect}`);
            statuses.push(status);
          }
        }
      }
      return counted(statuses);
    },
  },
  {
    name: 'an issuer that differs in case or slash',
    rule: '[issuer-path, RFC 8414 §3.1]',
    tries: 'the token endpoint, the administration and the metadata below other spellings of the issuer’s path',
    stoppedBy: 'the server answers exactly below its issuer, and its metadata names exactly that issuer',
    async run(target) {
      const { origin } = new URL(target.issuer);
      const path = pathOf(target.issuer);
      const spelled = path || '/auth';
      const prefixes = [
        `${path}/`,
        `/${path}`,
        `${path}/.`,
        `${path}/x/..`,
        `${path}${spelled}`,
        spelled.toUpperCase(),
        `${spelled}x`,
        `${spelled};x`,
        `${spelled}%2F`,
        spelled.replace(/\/./, (text) => `/%${text.charCodeAt(1).toString(16)}`),
      ].filter((prefix) => prefix !== path);
      const statuses = [];
      for (const prefix of prefixes) {
        for (const below of ['/oauth/token', '/admin/clients', '/oauth/introspect', '/.well-known/jwks.json']) {
          const { status } = await call(origin + prefix + below, { method: below.endsWith('json') ? 'GET' : 'POST' });
          assert(status === 404 || status === 400, `${prefix}${below} answered ${status}`);
          statuses.push(status);
        }
      }
      for (const wellKnown of ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']) {
        for (const end of ['/', spelled.toUpperCase(), `${spelled}/`, '/evil', `${spelled}/../evil`]) {
          const { status, body } = await call(origin + wellKnown + end);
          assert(status === 404 || body.issuer === target.issuer, `${wellKnown}${end} names ${String(body.issuer)}`);
          assert(!JSON.stringify(body).includes('evil'), `${wellKnown}${end} repeats its path`);
          statuses.push(status);
        }
      }
      return counted(statuses);
    },
  },
  {
    name: 'identifiers that traverse paths',
    rule: '[client-identifier-syntax, RFC 6749 §A.1]',
    tries:
      'clients whose identifiers are paths to another client, in every encoding, and acts on them that would reach that client',
    stoppedBy:
      'an identifier is one encoded segment of the path and is compared as a whole; "." and ".." are no identifiers',
    needs: 'administrator',
    run: (target) =>
      withNewClient(target, 60, async ({ clientId: victim }) => {
        const token = await target.tokenOf('administrator', 'clients:read clients:write');
        const as = (method: string, path: string, body?: object) => administer(target, token, method, path, body);
        const before = await as('GET', `/clients/${victim}`);
        const statuses = [];
        for (const identifier of [
          `../clients/${victim}`,
          `x/../${victim}`,
          `${victim}/disable`,
          `${victim}/secrets`,
          `${victim}/`,
          `./${victim}`,
          `%2e%2e%2f${victim}`,
          `..%2Fclients%2F${victim}`,
          `${victim}?x`,
          `${victim}#x`,
          `${victim};x`,
          String.raw`..\clients\${victim}`,
        ]) {
          const path = `/clients/${encodeURIComponent(identifier)}`;
          const created = await as('POST', '/clients', { client_id: identifier });
          assert(created.status === 201, `${identifier} is not registered: ${created.status} ${created.text}`);
          const read = await as('GET', path);
          assert(read.body.client_id === identifier, `${path} reads ${String(read.body.client_id)}`);
          const acts = [
            await as('PATCH', path, { client_name: 'evil' }),
            await as('POST', `${path}/disable`),
            await as('DELETE', path),
          ].map(({ status }) => status);
          assert(acts.join(' ') === '200 200 204', `acts on ${identifier} were answered ${acts.join(', ')}`);
          statuses.push(...acts);
        }
        for (const identifier of ['.', '..', 'lanyard:auth-server', target.issuer, `${target.issuer}/admin`]) {
          const { status } = await as('POST', '/clients', { client_id: identifier });
          assert(status === 400, `${identifier} is registered: ${status}`);
          statuses.push(status);
        }
        const after = await as('GET', `/clients/${victim}`);
        assert(after.status === 200 && after.text === before.text, `the victim was changed: ${after.text}`);
        return counted(statuses);
      }),
  },
  {
    name: 'forward-auth headers from outside',
    rule: '[forward-auth-headers, Lanyard]',
    tries: 'headers, paths and queries that name another rule, another request or another caller',
    stoppedBy: 'only the address that the proxy chooses names the rule, and only the token says who calls',
    needs: 'forward-auth',
    run: attackForwardAuth,
  },
];

async function attackForwardAuth(target: Target): Promise<string> {
  const rule = String(target.deployment.forwardAuth);
  const stranger = await target.tokenOf('report-generator');
  const genuine = await target.tokenOf('batch-processor');
  const forged = {
    'x-token-client-id': 'administrator',
    'x-token-subject': 'administrator',
    'x-token-scope': 'clients:write',
  };
  const elsewhere = {
    'x-original-uri': '/public',
    'x-original-url': '/rules/none',
    'x-original-method': 'OPTIONS',
    'x-forwarded-uri': '/public',
    'x-forwarded-method': 'OPTIONS',
    'x-forwarded-prefix': '/rules/none',
    'x-http-method-override': 'OPTIONS',
    'x-required-scope': '',
    'x-rule': 'none',
    'x-envoy-auth-partial-body': 'false',
  };
  const statuses = [];
  for (const headers of [forged, elsewhere, { ...forged, ...elsewhere }]) {
    for (const more of ['', '/', '/public', '/../none', '/%2e%2e/none', '//', '?rule=none', '/?scope=']) {
      for (const token of ['', stranger, `${genuine.slice(0, -4)}AAAA`]) {
        for (const method of ['GET', 'OPTIONS', 'HEAD']) {
          const authorization = token && { authorization: `Bearer ${token}` };
          const answer = await call(rule + more, { method, headers: { ...headers, ...authorization } });
          assert([401, 403].includes(answer.status), `${method} ${more} answered ${answer.status}`);
          assert(!('x-token-client-id' in answer.headers), `${method} ${more} names a caller`);
          statuses.push(answer.status);
        }
      }
    }
    const passed = await call(rule, { headers: { ...headers, authorization: `Bearer ${genuine}` } });
    assert(passed.status === 200, `a valid token is refused: ${passed.status}`);
    assert(passed.headers['x-token-client-id'] === 'batch-processor', 'a header of the client names the caller');
    statuses.push(passed.status);
  }
  return counted(statuses);
}

import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, counted, form } from '../http.ts';
import { grant, guess, observes, unknownClient } from '../attackers.ts';

export const proxiesAndOrigins: Attack[] = [
  {
    name: 'forged client addresses',
    rule: '[trusted-proxies-only, Lanyard]',
    tries: 'guesses that each claim another client address, in every header that proxies use',
    stoppedBy: 'these headers count only from configured proxies; guesses are counted by the address of the connection',
    async run(target) {
      const clientId = unknownClient();
      const statuses = [];
      for (let i = 0; i < 14; i++) {
        const address = `198.51.100.${i + 1}`;
        const { status } = await guess(target, clientId, {
          'x-forwarded-for': address,
          forwarded: `for=${address}`,
          'x-real-ip': address,
          'true-client-ip': address,
          'cf-connecting-ip': address,
          'x-client-ip': address,
        });
        statuses.push(status);
      }
      assert(statuses.includes(429) || (await observes(target)), `guesses with forged addresses: ${counted(statuses)}`);
      return counted(statuses);
    },
  },
  {
    name: 'a forged host, scheme and certificate',
    rule: '[trusted-proxies-only, Lanyard]',
    tries: 'X-Forwarded-Host and -Proto, Host, and headers in which proxies forward client certificates',
    stoppedBy: 'the issuer is configured, and only the Authorization header or the body authenticates a client',
    async run(target) {
      const headers = {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-prefix': '/evil',
        forwarded: 'host=evil.example;proto=https',
      };
      const certificate = {
        'x-ssl-client-cert': 'MIIB',
        'x-ssl-client-verify': 'SUCCESS',
        'ssl-client-subject-dn': 'CN=batch-processor',
        'x-forwarded-client-cert': 'Subject="CN=batch-processor"',
        'x-forwarded-user': 'batch-processor',
        'x-client-id': 'batch-processor',
        'remote-user': 'batch-processor',
      };
      for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/jwks.json']) {
        const { text } = await call(target.issuer + path, { headers });
        assert(!text.includes('evil'), `${path} repeats a header: ${text}`);
      }
      const challenge = await call(`${target.jobsApi}/jobs`, { headers: { ...headers, ...certificate } });
      assert(challenge.status === 401, `the jobs API answers ${challenge.status}`);
      assert(!JSON.stringify(challenge.headers).includes('evil'), 'the challenge repeats a header');
      const { status } = await call(
        target.tokenEndpoint,
        form({ ...grant, client_id: 'batch-processor' }, certificate),
      );
      assert(status === 401 || status === 429, `a header authenticates a client: ${status}`);
      return `${status}; metadata and challenges name the configured addresses`;
    },
  },
  {
    name: 'pages of other origins',
    rule: '[closed-cors, Lanyard]',
    tries: 'requests and preflights from a page of another origin, and frames around the documentation pages',
    stoppedBy: 'no answer permits other origins to read it, and every answer forbids framing and content sniffing',
    async run(target) {
      const origin = { origin: 'https://evil.example' };
      const preflight = { ...origin, 'access-control-request-method': 'POST' };
      let checked = 0;
      for (const url of [target.issuer, target.jobsApi, target.batchProcessor]) {
        for (const path of ['/oauth/token', '/jobs', '/docs', '/.well-known/jwks.json', '/nothing']) {
          for (const request of [{ headers: origin }, { method: 'OPTIONS', headers: preflight }]) {
            const { status, headers } = await call(url + path, request);
            const opened = Object.keys(headers).filter((name) => name.startsWith('access-control-'));
            assert(opened.length === 0, `${url}${path}: ${opened.join(' ')}`);
            assert(headers['x-content-type-options'] === 'nosniff', `${url}${path} (${status}): no nosniff`);
            assert(
              /frame-ancestors|default-src/.test(headers['content-security-policy'] ?? ''),
              `${url}${path}: no policy`,
            );
            checked += 1;
          }
        }
      }
      return `${checked} answers without access for other origins`;
    },
  },
];

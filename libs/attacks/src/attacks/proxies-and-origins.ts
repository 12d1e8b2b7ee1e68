import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, counted, form } from '../http.ts';
import { grant, guess, observes, unknownClient } from '../attackers.ts';

export const proxiesAndOrigins: Attack[] = [
  {
    name: 'other addresses by word alone',
    rule: '[trusted-proxies-only, Lanyard]',
    tries: 'guesses that each say that they come from another address, in every header that proxies use',
    stoppedBy: 'such headers count from configured proxies alone; guesses are counted by the address of the connection',
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
      assert(
        statuses.includes(429) || (await observes(target)),
        `guesses under other names of addresses: ${counted(statuses)}`,
      );
      return counted(statuses);
    },
  },
  {
    name: 'another host, scheme and certificate by word alone',
    rule: '[trusted-proxies-only, Lanyard]',
    tries: 'X-Forwarded-Host and -Proto, Host, and headers with which proxies pass on client certificates',
    stoppedBy: 'the issuer is configuration, and nobody is authenticated by a header of another kind',
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
    name: 'pages of others',
    rule: '[closed-cors, Lanyard]',
    tries: 'requests and preflights from a page of another origin, and frames around the pages there are',
    stoppedBy: 'no answer lets other origins read it, and every answer forbids frames and guesses of its type',
    async run(target) {
      const origin = { origin: 'https://evil.example' };
      const preflight = { ...origin, 'access-control-request-method': 'POST' };
      let looked = 0;
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
            looked += 1;
          }
        }
      }
      return `${looked} answers, closed`;
    },
  },
];

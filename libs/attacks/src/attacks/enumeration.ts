import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { call, counted, form, type Answer } from '../http.ts';
import { mannWhitney, quantile } from '../statistics.ts';
import { timeGuesses } from '../timing.ts';
import { grant, guess, unknownClient, withNewClient } from '../attackers.ts';

/** An answer without its variable headers. */
const comparable = ({ status, headers, text }: Answer): string => {
  const { date: _1, 'x-request-id': _2, 'retry-after': _3, ...rest } = headers;
  return JSON.stringify([status, rest, text]);
};

export const enumeration: Attack[] = [
  {
    name: 'which clients exist, by the answer',
    rule: '[same-answer, RFC 6749 §5.2]',
    tries:
      'an unknown client, a wrong secret, an empty one, the secret of another client; it compares the complete answers',
    stoppedBy: 'the same answer for every cause',
    needs: 'administrator',
    // A new client, without failed attempts.
    run: (target) =>
      withNewClient(target, 600, async ({ clientId }) => {
        const post = (parameters: Record<string, string>, authorization?: string) =>
          call(target.tokenEndpoint, form({ ...grant, ...parameters }, authorization ? { authorization } : {}));
        const answers = [
          await guess(target, unknownClient()),
          await guess(target, clientId),
          await post({}, basicCredentials(clientId, target.secretOf('jobs-api'))),
          await post({}, basicCredentials(clientId, '')),
          await post({}, basicCredentials(unknownClient(), '')),
          await post({ client_id: unknownClient(), client_secret: 'x' }),
          await post({ client_id: clientId, client_secret: 'x' }),
        ];
        const statuses = answers.map(({ status }) => status);
        // An address that failed often has to wait now and then, for any client.
        const different = new Set(answers.map(comparable));
        assert(different.size === new Set(statuses).size, `the answers differ:\n${[...different].join('\n')}`);
        for (const { status, headers } of answers) {
          const isChallenge = status === 401 && headers['www-authenticate']?.startsWith('Basic ');
          assert(isChallenge || status === 429, `answered ${status}`);
        }
        return `${counted(statuses)}, ${answers[0]!.text}`;
      }),
  },
  {
    name: 'which clients exist, by timing',
    rule: '[same-answer, RFC 6749 §5.2]',
    tries:
      'thousands of guesses at a client that exists and at one that does not, in random order, to tell them apart by the response time',
    stoppedBy:
      'an unknown client costs the same work as a wrong secret, and guesses are throttled before there are many',
    async run(target) {
      // After authenticating here, guesses at this client are evaluated rather than throttled.
      await target.freshTokenOf('jobs-cli');
      const samples = Number(process.env.SAMPLES) || 3000;
      const { known, unknown } = await timeGuesses(target.tokenEndpoint, 'jobs-cli', samples);
      if (known.length + unknown.length < samples) {
        return `throttled after ${known.length + unknown.length} guesses (with THROTTLING=observe all are timed)`;
      }
      const { p, auc } = mannWhitney(known, unknown);
      const found =
        `${known.length} and ${unknown.length} samples, medians ${quantile(known, 0.5).toFixed(1)} and ` +
        `${quantile(unknown, 0.5).toFixed(1)} µs, Mann-Whitney p = ${p.toFixed(3)}, AUC ${auc.toFixed(4)}`;
      assert(p > 0.0001, `known and unknown clients differ: ${found}`);
      return found;
    },
  },
];

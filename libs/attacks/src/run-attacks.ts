import type { Attack } from './attack.ts';
import { NotStopped } from './not-stopped.ts';
import { lessons } from './lessons.ts';
import { startCanary } from './canary.ts';
import { strangersJwk } from './forge.ts';
import { current, openSigningKeys } from '@lanyard/local-system';
import { Target, type Deployment } from './target.ts';

export interface Outcome {
  lesson: string;
  attack: Attack;
  result: 'stopped' | 'not stopped' | 'left out';
  /** the answers, the reason of the failure, or what is missing */
  answer: string;
}

/**
 * Runs all attacks, one after the other.
 * @param only       runs only attacks with this text in their names
 * @param onOutcome  called after each attack
 */
export async function runAttacks(
  deployment: Deployment,
  { only = '', onOutcome }: { only?: string; onOutcome: (outcome: Outcome) => void },
): Promise<Outcome[]> {
  const target = await targetOf(deployment);
  const outcomes: Outcome[] = [];
  try {
    for (const [lesson, attacks] of Object.entries(lessons)) {
      for (const attack of attacks.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()))) {
        const outcome = { lesson, attack, ...(await outcomeOf(attack, target)) };
        outcomes.push(outcome);
        onOutcome(outcome);
      }
    }
  } finally {
    await target.canary.stop();
  }
  return outcomes;
}

/** Prepares the target of the attacks; the caller must stop its canary. */
export async function targetOf(deployment: Deployment): Promise<Target> {
  const canary = await startCanary(() => ({ keys: [strangersJwk('canary')] }));
  // With the signing key, attacks make tokens with exactly one fault.
  const { query, directory } = deployment;
  const [signingKey] = query ? await openSigningKeys(query, directory, current) : [];
  return new Target(deployment, canary, signingKey);
}

export async function outcomeOf(attack: Attack, target: Target): Promise<Pick<Outcome, 'result' | 'answer'>> {
  if (attack.needs === 'signing key' && !target.signingKey) {
    return { result: 'left out', answer: 'it needs the signing key of the deployment' };
  }
  if (attack.needs === 'administrator' && !target.has('administrator')) {
    return { result: 'left out', answer: 'it needs the secret of the client administrator' };
  }
  if (attack.needs === 'https' && target.secureUrls.length === 0) {
    return { result: 'left out', answer: 'it needs a service with https' };
  }
  if (attack.needs === 'forward-auth' && target.deployment.forwardAuth === undefined) {
    return { result: 'left out', answer: 'it needs forward-auth (FORWARD_AUTH_URL)' };
  }
  try {
    return { result: 'stopped', answer: await attack.run(target) };
  } catch (error) {
    const { message, stack } = error as Error;
    return {
      result: 'not stopped',
      answer: target.withoutSecrets(error instanceof NotStopped ? message : String(stack)),
    };
  }
}

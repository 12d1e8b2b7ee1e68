import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose';
import type { AccessTokenAlgorithm } from './algorithms.ts';

/**
 * Verifies a JWS with the key that its header names. A fault of that key counts as a fault of the JWS: jose throws a
 * DOMException for a key that it cannot import, and a TypeError for one that is too small.
 * @throws {errors.JOSEError}  also if the header names no key: otherwise each key would have to be tried
 */
export async function verifyWithKeyOf<T>(
  getKey: JWTVerifyGetKey,
  verify: (getKey: JWTVerifyGetKey) => Promise<T>,
): Promise<T> {
  let isKeyFound = false;
  try {
    return await verify(async (header, token) => {
      if (typeof header?.kid !== 'string') throw new errors.JWTInvalid('the header has no kid');
      const key = await getKey(header, token);
      isKeyFound = true;
      return key;
    });
  } catch (cause) {
    // Before a key was found, a TypeError may come from the network.
    const isFault = cause instanceof DOMException ? !isAbort(cause) : isKeyFound && cause instanceof TypeError;
    if (isFault) {
      throw new errors.JWKInvalid(`the key cannot be used: ${(cause as Error).message}`, { cause });
    }
    throw cause;
  }
}

const isAbort = ({ name }: DOMException) => name === 'AbortError' || name === 'TimeoutError';

/**
 * The keys of a JWK Set that can verify signatures: public, complete, large enough, for one of the algorithms, and the
 * only one with their `kid`.
 * @returns those keys, and for each other key the reason why it cannot be used
 */
export async function usableKeys(
  { keys }: JSONWebKeySet,
  algorithms: readonly AccessTokenAlgorithm[],
): Promise<{ usable: JWK[]; faults: string[] }> {
  const usable: JWK[] = [];
  const faults: string[] = [];
  const byKid = Map.groupBy(keys, (key) => key?.kid);
  for (const key of keys) {
    const fault = await faultOf(byKid.get(key?.kid) ?? [], algorithms);
    if (fault === undefined) usable.push(key);
    else faults.push(`${typeof key?.kid === 'string' ? key.kid.slice(0, 64) : 'a key without a kid'}: ${fault}`);
  }
  return { usable, faults };
}

/** The most keys that may share a kid, one for each algorithm: checking them costs the square of their number. */
const maxKeysPerKid = 4;

/** @param keys  with the same kid */
async function faultOf(keys: JWK[], algorithms: readonly AccessTokenAlgorithm[]): Promise<string | undefined> {
  const kid = keys[0]?.kid;
  if (typeof kid !== 'string') return 'it has no kid';
  if (keys.length > maxKeysPerKid) return `${keys.length} keys have this kid`;
  let fault = 'it is for none of the accepted algorithms';
  for (const alg of algorithms) {
    try {
      await verifyWithKeyOf(createLocalJWKSet({ keys }), (getKey) => compactVerify(wronglySigned(alg, kid), getKey));
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
      if (!(error instanceof errors.JWKSNoMatchingKey)) fault = (error as Error).message;
    }
  }
  return fault;
}

/** A JWS with a wrong signature: only a usable key gets as far as failing the signature check. */
function wronglySigned(alg: AccessTokenAlgorithm, kid: string): string {
  const header = Buffer.from(JSON.stringify({ alg, kid })).toString('base64url');
  return `${header}.e30.AA`;
}

import { sign, type KeyObject } from 'node:crypto';

/**
 * Signs with ES256 (RFC 7518 section 3.4). Node makes the signature in DER, and `fromDer` converts it into the two
 * 32-byte integers of JOSE: Node 24 takes 2 to 3 times longer to make that form itself (docs/decisions/0002).
 * @returns the signature, base64url
 */
export function signES256(signingInput: string, privateKey: KeyObject): string {
  return fromDer(sign('sha256', Buffer.from(signingInput), privateKey)).toString('base64url');
}

/**
 * Converts Ecdsa-Sig-Value (RFC 3279 section 2.2.3) to R || S. A P-256 signature never needs the long form of a DER
 * length.
 */
export function fromDer(der: Buffer): Buffer {
  const signature = Buffer.alloc(64);
  const rEnd = 4 + (der[3] ?? 0);
  const r = der.subarray(4, rEnd);
  const s = der.subarray(rEnd + 2);
  // In DER, an integer has a leading zero if its top bit is set, and fewer bytes if it is small.
  alignRight(r, signature, 32);
  alignRight(s, signature, 64);
  return signature;
}

function alignRight(integer: Buffer, target: Buffer, end: number): void {
  const bytes = integer.length > 32 ? integer.subarray(integer.length - 32) : integer;
  bytes.copy(target, end - bytes.length);
}

import { Injectable, type CanActivate } from '@nestjs/common';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';

/** Makes a token request wait while a new key is published and does not sign yet. */
@Injectable()
export class SigningKeyGuard implements CanActivate {
  constructor(private readonly keys: SigningKeys) {}

  canActivate(): true | Promise<true> {
    return this.keys.untilSigning ? this.wait() : true;
  }

  private async wait(): Promise<true> {
    // Another new key may replace this one while it settles.
    for (let settled = this.keys.untilSigning; settled; settled = this.keys.untilSigning) await settled;
    return true;
  }
}

import { createDecipheriv, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt, type JWK } from 'jose';
import { insist } from './attack.ts';
import type { Canary } from './canary.ts';
import { basic, call, form } from './http.ts';

/** A running deployment. */
export interface Deployment {
  issuer: string;
  jobsApi: string;
  batchProcessor: string;
  /** with `secrets/<client_id>/client_secret`, and `key-encryption-key` where the signing key may be opened */
  directory: string;
  /** of the authorization server's database, where there is a way to it */
  query?: (sql: string) => Promise<Record<string, unknown>[]>;
}

/** Signs as the authorization server does. */
export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  publicJwk: JWK;
}

/** What attacks work with: they may be clients of the deployment, and listen for who is lured to them. */
export class Target {
  private readonly tokens = new Map<string, string>();

  constructor(
    readonly deployment: Deployment,
    readonly canary: Canary,
    readonly signingKey: SigningKey | undefined,
  ) {}

  get issuer(): string {
    return this.deployment.issuer;
  }
  get jobsApi(): string {
    return this.deployment.jobsApi;
  }
  get batchProcessor(): string {
    return this.deployment.batchProcessor;
  }
  get tokenEndpoint(): string {
    return `${this.issuer}/oauth/token`;
  }

  /** For attacks that say that they need it. */
  get key(): SigningKey {
    insist(this.signingKey !== undefined, 'the signing key is not there');
    return this.signingKey;
  }

  /** Whether it may act as this client. */
  has(clientId: string): boolean {
    return existsSync(this.secretFileOf(clientId));
  }

  secretOf(clientId: string): string {
    return readFileSync(this.secretFileOf(clientId), 'utf8').trim();
  }

  private secretFileOf(clientId: string): string {
    return join(this.deployment.directory, 'secrets', clientId, 'client_secret');
  }

  authorizationOf(clientId: string): string {
    return basic(clientId, this.secretOf(clientId));
  }

  /** A token that the server issued; the same one, as long as it serves. */
  async tokenOf(clientId: string, scope?: string): Promise<string> {
    const name = `${clientId} ${scope ?? ''}`;
    const known = this.tokens.get(name);
    if (known !== undefined && decodeJwt(known).exp! > Date.now() / 1000 + 60) return known;
    const token = await this.freshTokenOf(clientId, scope);
    this.tokens.set(name, token);
    return token;
  }

  async freshTokenOf(clientId: string, scope?: string): Promise<string> {
    const parameters = { grant_type: 'client_credentials', ...(scope && { scope }) };
    const answer = await call(this.tokenEndpoint, form(parameters, { authorization: this.authorizationOf(clientId) }));
    insist(answer.status === 200, `${clientId} gets no token: ${answer.status} ${answer.text}`);
    return String(answer.body.access_token);
  }
}

/** Opens the server's own signing key, so that nothing but the one thing under test is wrong with a token. */
export async function openSigningKey({ query, directory }: Deployment): Promise<SigningKey | undefined> {
  if (!query) return undefined;
  const columns = `kid, public_jwk, encode(encrypted_private_key, 'hex') AS encrypted`;
  const [row] = await query(`SELECT ${columns} FROM signing_key WHERE activated_at IS NOT NULL AND retired_at IS NULL`);
  const kid = String(row?.kid);
  const encrypted = Buffer.from(String(row?.encrypted), 'hex');
  const kek = Buffer.from(readFileSync(join(directory, 'key-encryption-key'), 'utf8'), 'base64');
  const decipher = createDecipheriv('aes-256-gcm', kek, encrypted.subarray(1, 13))
    .setAAD(Buffer.from(kid))
    .setAuthTag(encrypted.subarray(13, 29));
  const der = Buffer.concat([decipher.update(encrypted.subarray(29)), decipher.final()]);
  return {
    kid,
    privateKey: createPrivateKey({ key: der, type: 'pkcs8', format: 'der' }),
    publicJwk: row?.public_jwk as JWK,
  };
}

export const publicKeyOf = ({ publicJwk }: SigningKey): KeyObject => createPublicKey({ key: publicJwk, format: 'jwk' });

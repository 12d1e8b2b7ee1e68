import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import type { Inspect, SigningKey } from '@lanyard/local-system';
import { assert } from './not-stopped.ts';
import type { Canary } from './canary.ts';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { call, form } from './http.ts';

/** A running deployment. */
export interface Deployment {
  issuer: string;
  jobsApi: string;
  batchProcessor: string;
  /** with `secrets/<client_id>/client_secret`, and `key-encryption-key` if the signing key can be decrypted */
  directory: string;
  /** reads the management listeners, which callers cannot reach */
  inspect: Inspect;
  /** the address of a rule of forward-auth that tokens of batch-processor satisfy, if it runs */
  forwardAuth?: string;
  /** behind a gateway, as the containers are */
  hasGateway?: boolean;
  /** queries the database of the authorization server, if it is reachable */
  query?: (sql: string) => Promise<Record<string, unknown>[]>;
}

/** The deployment under attack: attacks can act as its clients, and detect requests to the attacker's server. */
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
  get inspect(): Inspect {
    return this.deployment.inspect;
  }
  /** The services with https. */
  get secureUrls(): string[] {
    return [this.issuer, this.jobsApi, this.batchProcessor].filter((url) => url.startsWith('https:'));
  }
  get tokenEndpoint(): string {
    return `${this.issuer}/oauth/token`;
  }

  /** The signing key, for attacks that declare that they need it. */
  get key(): SigningKey {
    assert(this.signingKey !== undefined, 'the signing key is not available');
    return this.signingKey;
  }

  /** Whether the attacks can act as this client. */
  has(clientId: string): boolean {
    return existsSync(this.secretFileOf(clientId));
  }

  secretOf(clientId: string): string {
    return readFileSync(this.secretFileOf(clientId), 'utf8').trim();
  }

  /** Removes everything that looks like a secret from a text, for example from a request, to show it. */
  withoutSecrets(text: string): string {
    const directory = join(this.deployment.directory, 'secrets');
    const secrets = globSync('*/client_secret', { cwd: directory }).map((file) =>
      readFileSync(join(directory, file), 'utf8').trim(),
    );
    return [...secrets, ...secrets.map((secret) => encodeURIComponent(secret))]
      .reduce((shown, secret) => shown.replaceAll(secret, '…'), text)
      .replaceAll(/eyJ[\w.-]+|lanyard_cs_[\w-]+|[\w+/-]{40,}=*/g, '…');
  }

  private secretFileOf(clientId: string): string {
    return join(this.deployment.directory, 'secrets', clientId, 'client_secret');
  }

  authorizationOf(clientId: string): string {
    return basicCredentials(clientId, this.secretOf(clientId));
  }

  /** A token that the server issued; the same one as long as it is valid. */
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
    assert(answer.status === 200, `${clientId} gets no token: ${answer.status} ${answer.text}`);
    return String(answer.body.access_token);
  }
}

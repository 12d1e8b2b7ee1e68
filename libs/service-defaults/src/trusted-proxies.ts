import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import type { Logger } from 'pino';
import { repeat } from './repeat.ts';
import { withTimeout } from './with-timeout.ts';

/** How often names are resolved, and how long the last addresses of a name count if it cannot be resolved; ms. */
const period = 2000;
const hold = 10_000;

/** How long a start waits for names, ms. */
const patience = 1000;

/** The maximum number of cached addresses, and their maximum length. */
const maxCached = 1000;
const maxLength = 45;

/** Names that stand for networks, the same as in proxy-addr. */
const networks: Record<string, string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** The proxies whose `X-Forwarded-*` headers count: addresses, networks, and host names, whose addresses may change. */
export class TrustedProxies {
  private readonly fixed = new BlockList();
  /** by name: its addresses, and when they were found; ms of `performance.now()` */
  private readonly names: Map<string, { addresses: string[]; at: number }>;
  /** the addresses of all names */
  private resolved = new Set<string>();
  private readonly answers = new Map<string, boolean>();
  private stopResolving: (() => void) | undefined;

  constructor(
    entries: readonly string[],
    private readonly logger: Logger,
    private readonly addressesOf = lookUp,
  ) {
    const given = entries.flatMap((entry) => networks[entry] ?? [entry]);
    for (const entry of given.filter(isNetwork)) addTo(this.fixed, entry);
    const names = given.filter((entry) => !isNetwork(entry));
    this.names = new Map(names.map((name) => [name, { addresses: [], at: Number.NEGATIVE_INFINITY }]));
    this.isEmpty = given.length === 0;
  }

  readonly isEmpty: boolean;

  readonly trusts = (address: string): boolean => {
    if (this.isEmpty) return false;
    const known = this.answers.get(address);
    if (known !== undefined) return known;
    if (address.length > maxLength || isIP(address) === 0) return false;
    const answer = this.isTrusted(address.replace(/^::ffff:(?=\d+\.)/, ''));
    if (this.answers.size >= maxCached) this.answers.clear();
    // A copy: V8 would keep the whole header in memory for a part of it.
    this.answers.set(Buffer.from(address).toString(), answer);
    return answer;
  };

  /** Resolves the names every few seconds, until `stop`. */
  async start(): Promise<void> {
    if (this.names.size === 0) return;
    await withTimeout(this.lookUpNames(), patience).catch(() => undefined);
    this.stopResolving = repeat(
      () => period,
      () => this.lookUpNames(),
      (err) => this.logger.error({ msg: 'names of trusted proxies could not be looked up', err }),
    );
  }

  stop(): void {
    this.stopResolving?.();
  }

  async lookUpNames(): Promise<void> {
    await Promise.all([...this.names.keys()].map((name) => this.resolveName(name)));
    this.resolved = new Set([...this.names.values()].flatMap(({ addresses }) => addresses));
    this.answers.clear();
  }

  private isTrusted(address: string): boolean {
    return this.resolved.has(address) || this.fixed.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }

  private async resolveName(name: string): Promise<void> {
    const before = this.names.get(name)!;
    const addresses = (await this.addressesOf(name).catch((): string[] => [])).toSorted();
    const now = performance.now();
    // A name that cannot be resolved for a moment keeps its addresses.
    if (addresses.length === 0 && now - before.at < hold) return;
    this.names.set(name, { addresses, at: addresses.length > 0 ? now : before.at });
    if (String(addresses) !== String(before.addresses)) {
      this.logger.info({ msg: 'addresses of a trusted proxy', name, addresses });
    }
  }
}

const lookUp = async (name: string): Promise<string[]> =>
  (await lookup(name, { all: true })).map(({ address }) => address);

const isNetwork = (entry: string): boolean => isIP(entry.split('/')[0]!) !== 0;

function addTo(list: BlockList, entry: string): void {
  const [address = '', prefix] = entry.split('/');
  const version = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  if (prefix === undefined) list.addAddress(address, version);
  else list.addSubnet(address, Number(prefix), version);
}

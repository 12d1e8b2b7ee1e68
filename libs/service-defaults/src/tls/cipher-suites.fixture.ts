import { randomBytes } from 'node:crypto';
import { connect, isIP } from 'node:net';

/** The offer of a client in its first message. */
export interface Offer {
  host?: string;
  port: number;
  version: keyof typeof versions;
  suites: readonly number[];
}

export const versions = { TLSv1: 0x0301, 'TLSv1.1': 0x0302, 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 } as const;

/** The blocks in which IANA has registered cipher suites, without the signal of a fallback (0x5600). */
export const allSuites: readonly number[] = [0x00, 0x13, 0xc0, 0xcc, 0xd0].flatMap((block) =>
  Array.from({ length: 256 }, (_, suite) => block * 256 + suite),
);

/**
 * Finds the suites that a server accepts, by offering each one on its own connection. It builds the message itself,
 * since a TLS library offers only suites that it would use.
 */
export async function acceptedSuites({ suites = allSuites, ...offer }: Omit<Offer, 'suites'> & Partial<Offer>) {
  const accepted = new Set<string>();
  const remaining = suites.values();
  const offerNext = async () => {
    for (const suite of remaining) {
      const chosen = await chosenSuite({ ...offer, suites: [suite] });
      if (chosen !== undefined) accepted.add(nameOf(chosen));
    }
  };
  await Promise.all(Array.from({ length: 4 }, offerNext));
  return [...accepted].toSorted();
}

/** @returns the suite that the server chose; undefined if it refused the offer */
export async function chosenSuite(offer: Offer): Promise<number | undefined> {
  const { host = '127.0.0.1', port } = offer;
  const socket = connect(port, host).setTimeout(10_000, () => socket.destroy(new Error('no answer')));
  socket.write(clientHello(offer));
  let answer = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      const suite = suiteIn(answer);
      if (suite !== undefined) return suite;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
  return undefined;
}

/** The suite of a ServerHello, RFC 8446 section 4.1.3; the same place in TLS 1.2. */
function suiteIn(answer: Buffer): number | undefined {
  const [handshake, serverHello] = [22, 2];
  if (answer.length < 46 || answer[0] !== handshake || answer[5] !== serverHello) return undefined;
  const sessionIdLength = answer.readUInt8(43);
  return answer.length < 46 + sessionIdLength ? undefined : answer.readUInt16BE(44 + sessionIdLength);
}

/** RFC 8446 section 4.1.2. It has no key share: a TLS 1.3 server requests one after it has chosen the suite. */
function clientHello({ host = '', version, suites }: Offer): Buffer {
  const isTls13 = version === 'TLSv1.3';
  const groups = [0x001d, 0x0017, 0x0018];
  const signatures = [0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501, 0x0203, 0x0201];
  const name = host === '' || isIP(host) ? [] : [extension(0, sized(2, [0], sized(2, Buffer.from(host))))];
  const extensions = [
    ...name,
    extension(10, sized(2, ...groups.map(uint16))),
    extension(11, [1, 0]),
    extension(13, sized(2, ...signatures.map(uint16))),
    ...(isTls13 ? [extension(43, sized(1, uint16(versions[version]))), extension(51, [0, 0])] : []),
  ];
  const hello = [
    uint16(Math.min(versions[version], versions['TLSv1.2'])),
    randomBytes(32),
    [0],
    sized(2, ...suites.map(uint16)),
    [1, 0],
    sized(2, ...extensions),
  ];
  return Buffer.concat([Buffer.from([22, 3, 1]), sized(2, [1], sized(3, ...hello))]);
}

const uint16 = (value: number) => [value >> 8, value & 0xff];
const extension = (type: number, content: ArrayLike<number>) => Buffer.from([...uint16(type), ...sized(2, content)]);

/** A vector with its length in front, RFC 8446 section 3.4. */
function sized(bytes: number, ...parts: ArrayLike<number>[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length = Buffer.alloc(bytes);
  length.writeUIntBE(content.length, 0, bytes);
  return Buffer.concat([length, content]);
}

export const isStrong = (suite: string): boolean => Object.values(strongSuites).includes(suite);

const nameOf = (suite: number): string => strongSuites[suite] ?? `0x${suite.toString(16).padStart(4, '0')}`;

/** Suites with forward secrecy and authenticated encryption, RFC 9325 section 4.2; others are shown by number. */
const strongSuites: Record<number, string> = {
  0x1301: 'TLS_AES_128_GCM_SHA256',
  0x1302: 'TLS_AES_256_GCM_SHA384',
  0x1303: 'TLS_CHACHA20_POLY1305_SHA256',
  0xc02b: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  0xc02c: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  0xc02f: 'ECDHE-RSA-AES128-GCM-SHA256',
  0xc030: 'ECDHE-RSA-AES256-GCM-SHA384',
  0xcca8: 'ECDHE-RSA-CHACHA20-POLY1305',
  0xcca9: 'ECDHE-ECDSA-CHACHA20-POLY1305',
};

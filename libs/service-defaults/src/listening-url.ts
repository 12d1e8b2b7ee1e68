import type { AddressInfo, Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/** The URL at which a server listens; its host may be 0.0.0.0, which means every address of the machine. */
export function listeningUrl(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${server instanceof TlsServer ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

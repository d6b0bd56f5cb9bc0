// Keeps the number of connections bounded, altogether and from one address, and tells whoever is
// too many.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { refuseOnSocket } from './problem-document.ts';

export type ConnectionLimits = {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
};

export type Connections = {
  /** Its connection was one too many and has its answer: what it still sends is not to be served. */
  isRefused(socket: object): boolean;
};

/** `isProxy`: many clients come from this address. */
export function boundConnections(
  server: Server,
  limits: ConnectionLimits,
  isProxy: (address: string) => boolean,
  speaksTls: boolean,
): Connections {
  const byAddress = new Map<string, number>();
  const refused = new WeakSet<object>();
  let open = 0;
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const fromHere = (byAddress.get(address) ?? 0) + 1;
    open += 1;
    byAddress.set(address, fromHere);
    socket.once('close', () => {
      open -= 1;
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left === 0) byAddress.delete(address);
      else byAddress.set(address, left);
    });
    const isCrowd = fromHere > limits.connectionsPerAddressMax && !isProxy(address);
    if (open <= limits.connectionsMax && !isCrowd) return;
    refused.add(socket);
    // Before its handshake a TLS client understands nothing.
    if (speaksTls) {
      socket.destroy();
      return;
    }
    const detail = isCrowd
      ? `More than ${limits.connectionsPerAddressMax} connections come from this address (server.connectionsPerAddressMax): close some.`
      : `More than ${limits.connectionsMax} connections are open (server.connectionsMax): come again later.`;
    refuseOnSocket(socket, { status: 503, code: 'too_many_connections', detail, retryAfter: 5 });
  });
  return { isRefused: (socket) => refused.has(socket) };
}

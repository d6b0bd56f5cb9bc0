// Limits the number of connections, in total and per address, and answers a connection beyond the
// limit.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { refuseOnSocket } from './problem-document.ts';

export type ConnectionLimits = {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
};

export type Connections = {
  /** The connection is beyond the limit and has got its answer: do not serve its requests. */
  isRefused(socket: object): boolean;
};

/** `isProxy`: many clients share this address, so that its connections are not limited. */
export function limitConnections(
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
    const fromAddress = (byAddress.get(address) ?? 0) + 1;
    open += 1;
    byAddress.set(address, fromAddress);
    socket.once('close', () => {
      open -= 1;
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left === 0) byAddress.delete(address);
      else byAddress.set(address, left);
    });
    const isOverAddressLimit = fromAddress > limits.connectionsPerAddressMax && !isProxy(address);
    if (open <= limits.connectionsMax && !isOverAddressLimit) return;
    refused.add(socket);
    // Before the TLS handshake no answer can be sent.
    if (speaksTls) {
      socket.destroy();
      return;
    }
    const detail = isOverAddressLimit
      ? `More than ${limits.connectionsPerAddressMax} connections come from this address ` +
        '(server.connectionsPerAddressMax): close some of them.'
      : `More than ${limits.connectionsMax} connections are open (server.connectionsMax): ` +
        'retry later.';
    refuseOnSocket(socket, { status: 503, code: 'too_many_connections', detail, retryAfter: 5 });
  });
  return { isRefused: (socket) => refused.has(socket) };
}

// Admits runners before their WebSocket exists: an upgrade request without a valid token is refused
// over HTTP.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Channel } from '#core/ports.ts';
import { wireLimits } from '#core/protocol/wire.ts';
import { within } from '#core/time/deadline.ts';
import { checkRunnerToken } from '../access/runner-admission.ts';
import { refuseOnSocket } from '../http/problem-document.ts';
import { createWebSocketServer } from '../http/websocket-server.ts';
import type { RunnerHubOptions } from './hub-types.ts';
import type { RunnerIdentity } from './runner-identity.ts';
import { socketChannel } from './socket-channel.ts';

export class RunnerUpgrades {
  readonly #options: RunnerHubOptions;
  readonly #onAdmitted: (channel: Channel, identity: RunnerIdentity) => void;
  readonly #server = createWebSocketServer(wireLimits.frameBytesMax);

  constructor(
    options: RunnerHubOptions,
    onAdmitted: (channel: Channel, identity: RunnerIdentity) => void,
  ) {
    this.#options = options;
    this.#onAdmitted = onAdmitted;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { tokens, log, addressOf } = this.#options;
    const admission = checkRunnerToken(request.headers, tokens);
    if (!admission.ok) {
      const requestId = refuseOnSocket(socket, admission);
      return log.warn(
        { request_id: requestId, code: admission.code, peer: request.socket.remoteAddress },
        'runner refused',
      );
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      this.#onAdmitted(socketChannel(webSocket), { ...admission, address: addressOf(request) }),
    );
  }

  /** Waits up to `closeMsMax` for the runners to disconnect, then cuts off those that are left. */
  async close(): Promise<void> {
    const { clock, limits } = this.#options;
    const disconnected = [...this.#server.clients].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    await within(Promise.all(disconnected), {
      ms: limits.closeMsMax,
      clock,
      late: () => undefined,
    });
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }
}

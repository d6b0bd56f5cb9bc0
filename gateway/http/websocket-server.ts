// Creates WebSocket servers that speak our subprotocol, and closes their sockets within a bounded
// time.

import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { closeReason, subprotocol } from '#core/protocol/wire.ts';
import { refuseOnSocket } from './problem-document.ts';

/** Takes over sockets by `handleUpgrade`; a malformed handshake is answered with 400. */
export function createWebSocketServer(frameBytesMax: number): WebSocketServer {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: frameBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  server.on('wsClientError', (error, socket) => {
    refuseOnSocket(socket, {
      status: 400,
      code: 'bad_websocket_request',
      detail: `${error.message}.`,
    });
  });
  return server;
}

/** Terminates the socket when the peer does not complete the close handshake within `msMax`. */
export function closeWebSocket(
  socket: WebSocket,
  code: number,
  reason: string,
  msMax: number,
): void {
  socket.close(code, closeReason(reason));
  const timer = setTimeout(() => socket.terminate(), msMax);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** A received frame as one buffer. */
export function frameBytes(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

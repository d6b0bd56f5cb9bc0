// A `ws` socket as a channel: binary frames stay binary, and a peer that does not answer a close is
// disconnected.

import type { WebSocket } from 'ws';
import type { Channel } from '#core/ports.ts';
import { closeWebSocket, frameBytes } from '../http/websocket-server.ts';

/** How long a peer may take over a close handshake. */
const closeMsMax = 5_000;

export function socketChannel(socket: WebSocket): Channel {
  // After an error, such as a malformed frame or a reset, `close` follows and carries the code.
  socket.on('error', () => undefined);
  return {
    send: (frame) => {
      if (socket.readyState === socket.OPEN) socket.send(frame);
    },
    bufferedAmount: () => socket.bufferedAmount,
    close: (code, reason) => {
      if (socket.readyState === socket.OPEN || socket.readyState === socket.CONNECTING)
        closeWebSocket(socket, code, reason, closeMsMax);
    },
    listen: (handlers) => {
      socket.on('message', (data, isBinary) => {
        const bytes = frameBytes(data);
        handlers.frame(isBinary ? bytes : bytes.toString());
      });
      socket.once('close', (code, reason) => handlers.closed(code, reason.toString()));
    },
  };
}

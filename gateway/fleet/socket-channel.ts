// A `ws` socket as a channel: binary frames stay binary, and a peer that does not answer a close is
// cut off.

import type { RawData, WebSocket } from 'ws';
import type { Channel } from '#core/ports.ts';
import { closeReason } from '#core/protocol/wire.ts';

/** How long a peer may take over a close handshake. */
const closeMsMax = 5_000;

export function socketChannel(socket: WebSocket): Channel {
  // A frame that is too long or malformed, a reset: `close` follows with the code, and that is
  // enough.
  socket.on('error', () => undefined);
  return {
    send: (frame) => {
      if (socket.readyState === socket.OPEN) socket.send(frame);
    },
    bufferedAmount: () => socket.bufferedAmount,
    close: (code, reason) => {
      if (socket.readyState !== socket.OPEN && socket.readyState !== socket.CONNECTING) return;
      socket.close(code, closeReason(reason));
      const cut = setTimeout(() => socket.terminate(), closeMsMax);
      cut.unref();
      socket.once('close', () => clearTimeout(cut));
    },
    listen: (handlers) => {
      socket.on('message', (data, isBinary) =>
        handlers.frame(isBinary ? bytes(data) : bytes(data).toString()),
      );
      socket.once('close', (code, reason) => handlers.closed(code, reason.toString()));
    },
  };
}

function bytes(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

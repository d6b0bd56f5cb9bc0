// Asks a client that sent `Expect: 100-continue` for its body only when it is wanted. A body that
// is too large, or has no key, is refused before it is sent.

/* oxlint-disable no-underscore-dangle -- `_read` is how a Readable learns that it is read */

import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Sends `100 Continue` when the request's body is first read, and then calls `onContinue`. If the
 * answer comes before that, the connection ends with it, because the client may send the body all
 * the same.
 */
export function continueWhenRead(
  request: IncomingMessage,
  response: ServerResponse,
  onContinue: () => void,
): void {
  const read = request._read.bind(request);
  const { shouldKeepAlive } = response;
  response.shouldKeepAlive = false;
  request._read = (size) => {
    request._read = read;
    if (!response.headersSent && !response.writableEnded) {
      response.writeContinue();
      response.shouldKeepAlive = shouldKeepAlive;
      onContinue();
    }
    read(size);
  };
}

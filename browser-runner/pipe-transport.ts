// Carries DevTools messages over two pipes to the browser. A browser whose pipes close ends by
// itself, even when its parent was killed.

import type { Readable, Writable } from 'node:stream';
import type { ConnectionTransport } from 'puppeteer';

/** Messages are JSON, each followed by a zero byte. */
export function pipeTransport(toBrowser: Writable, fromBrowser: Readable): ConnectionTransport {
  let parts: string[] = [];
  const transport: ConnectionTransport = {
    send: (message) => void toBrowser.write(`${message}\0`),
    close: () => void toBrowser.end(),
  };
  // Writing to a browser that has just ended fails; nothing depends on it any more.
  toBrowser.on('error', () => undefined);
  fromBrowser.on('error', () => undefined);
  fromBrowser.setEncoding('utf8');
  fromBrowser.on('data', (chunk: string) => {
    const [head = '', ...rest] = chunk.split('\0');
    parts.push(head);
    for (const next of rest) {
      transport.onmessage?.(parts.join(''));
      parts = [next];
    }
  });
  fromBrowser.once('close', () => transport.onclose?.());
  return transport;
}

// Carries DevTools messages over the browser's two pipes: a browser whose pipes close ends by
// itself, also when its parent was killed.

import type { Readable, Writable } from 'node:stream';
import type { ConnectionTransport } from 'puppeteer';

/** Messages are JSON, each ended by a zero byte. */
export function pipeTransport(toBrowser: Writable, fromBrowser: Readable): ConnectionTransport {
  let parts: string[] = [];
  const transport: ConnectionTransport = {
    send: (message) => void toBrowser.write(`${message}\0`),
    close: () => void toBrowser.end(),
  };
  // What is written to a browser that has just ended is of no use any more.
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

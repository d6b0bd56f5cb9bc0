// A TCP proxy on the loopback between two parts, which can do to their connection what networks do.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type LinkState =
  | 'through'
  /** New connections are refused with a reset, those that are there end so. */
  | 'cut'
  /** Connections stay, and nothing arrives any more in either direction. */
  | 'half-open'
  /**
   * What the client sends arrives; of the answers nothing comes back: carried out, and nobody hears
   * of it.
   */
  | 'answers-lost'
  /** The other way round: what the client sends, such as a runner its results, never arrives. */
  | 'requests-lost';

/** Looks at what passes on one connection. */
export type Watcher = {
  sent(chunk: Buffer): void;
  /** `false`: the connection ends before this answer arrives. */
  answered(chunk: Buffer): boolean;
};

export type FaultProxy = AsyncDisposable & {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** For new connections; those that are there keep theirs. `null`: nobody is there. */
  target(port: number | null): void;
  /**
   * Back to `through`, connections that missed something are reset: TCP would not have lost their
   * bytes either.
   */
  set(state: LinkState): void;
  /** Every byte takes so much longer from now on, ms. */
  delay(ms: number): void;
  /** Ends every connection in mid-flight with a reset. */
  reset(): void;
  /** Chunks of so many bytes or more that a client sent and nobody received. */
  lost(bytesMin: number): number;
};

export async function startFaultProxy(
  targetPort: number | null = null,
  watch: (() => Watcher) | null = null,
): Promise<FaultProxy> {
  const pairs = new Set<{ readonly client: Socket; readonly server: Socket }>();
  let state: LinkState = 'through';
  let port = targetPort;
  let delayMs = 0;
  const lostBytes: number[] = [];

  const reset = (): void => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    pairs.clear();
  };
  // In order although each chunk waits: timers of the same delay fire in the order they were set.
  const later = (work: () => void): void =>
    void (delayMs === 0 ? work() : setTimeout(work, delayMs));
  const pass = (from: Socket, to: Socket, isLost: (chunk?: Buffer) => boolean): void => {
    from.on('data', (chunk: Buffer) => {
      if (isLost(chunk)) return;
      later(() => {
        if (to.writable && !to.write(chunk)) from.pause();
      });
    });
    to.on('drain', () => from.resume());
    from.on('end', () => {
      if (!isLost()) later(() => to.end());
    });
  };

  const proxy = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => client.destroy());
    if (port === null || state === 'cut') {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { client, server };
    pairs.add(pair);
    server.on('error', () => client.resetAndDestroy());
    client.on('close', () => server.destroy());
    server.on('close', () => {
      pairs.delete(pair);
      client.destroy();
    });
    const watcher = watch?.() ?? null;
    pass(client, server, (chunk) => {
      if (chunk !== undefined) watcher?.sent(chunk);
      const isLost = state === 'half-open' || state === 'requests-lost';
      if (isLost && chunk !== undefined) lostBytes.push(chunk.length);
      return isLost;
    });
    pass(server, client, (chunk) => {
      if (chunk === undefined || watcher === null || watcher.answered(chunk))
        return state === 'half-open' || state === 'answers-lost';
      client.resetAndDestroy();
      server.resetAndDestroy();
      return true;
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  if (address === null || typeof address === 'string')
    throw new Error('A TCP server has an address.');
  return {
    address: `127.0.0.1:${address.port}`,
    target: (to) => {
      port = to;
    },
    set(to) {
      if (to === 'cut' || state !== 'through') reset();
      state = to;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    reset,
    lost: (bytesMin) => lostBytes.filter((bytes) => bytes >= bytesMin).length,
    async [Symbol.asyncDispose]() {
      reset();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

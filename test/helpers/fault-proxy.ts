// A TCP proxy on the loopback interface that can break a connection in the ways networks do.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type LinkState =
  | 'through'
  /** New connections are reset, and existing ones too. */
  | 'cut'
  /** Connections stay open, but nothing arrives in either direction. */
  | 'half-open'
  /** Requests arrive and are carried out, but no answer comes back. */
  | 'answers-lost'
  /** Nothing that the client sends arrives, such as the results of a runner. */
  | 'requests-lost';

/** Observes the bytes of one connection. */
export type Watcher = {
  sent(chunk: Buffer): void;
  /** Returns `false` to end the connection before this answer arrives. */
  answered(chunk: Buffer): boolean;
};

export type FaultProxy = AsyncDisposable & {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Existing connections keep their target. `null`: new connections are reset. */
  target(port: number | null): void;
  /**
   * Any change from a state other than `through` resets the connections, because TCP would not have
   * lost their bytes.
   */
  set(state: LinkState): void;
  /** Delays every byte from now on by `ms`. */
  delay(ms: number): void;
  /** Resets every connection. */
  reset(): void;
  /** How many chunks of at least `bytesMin` bytes were sent by clients and never arrived. */
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
  // Chunks stay in order, because timers with the same delay fire in the order they were set.
  const later = (work: () => void): void =>
    void (delayMs === 0 ? work() : setTimeout(work, delayMs));

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
    pass(client, server, later, (chunk) => {
      if (chunk !== undefined) watcher?.sent(chunk);
      const isLost = state === 'half-open' || state === 'requests-lost';
      if (isLost && chunk !== undefined) lostBytes.push(chunk.length);
      return isLost;
    });
    pass(server, client, later, (chunk) => {
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

/** @param isLost whether a chunk, or without one the end of the stream, does not arrive */
function pass(
  from: Socket,
  to: Socket,
  later: (work: () => void) => void,
  isLost: (chunk?: Buffer) => boolean,
): void {
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
}

// A TCP proxy on the loopback between two parts, which can do to their connection what networks do.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type LinkState =
  | 'through'
  /** New connections are refused with a reset, those that are there end so. */
  | 'cut'
  /** Connections stay, and nothing arrives any more in either direction. */
  | 'half-open'
  /** What the client sends arrives; of the answers nothing comes back: carried out, and nobody hears of it. */
  | 'answers-lost';

export type FaultProxy = AsyncDisposable & {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** For new connections; those that are there keep theirs. `null`: nobody is there. */
  target(port: number | null): void;
  /** Back to `through`, connections that missed something are reset: TCP would not have lost their bytes either. */
  set(state: LinkState): void;
  /** Every byte takes so much longer from now on, ms. */
  delay(ms: number): void;
  /** Ends every connection in mid-flight with a reset. */
  reset(): void;
};

export async function startFaultProxy(targetPort: number | null = null): Promise<FaultProxy> {
  const pairs = new Set<{ readonly client: Socket; readonly server: Socket }>();
  let state: LinkState = 'through';
  let port = targetPort;
  let delayMs = 0;

  const reset = (): void => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    pairs.clear();
  };
  // In order although each chunk waits: timers of the same delay fire in the order they were set.
  const later = (work: () => void): void => void (delayMs === 0 ? work() : setTimeout(work, delayMs));
  const pass = (from: Socket, to: Socket, isLost: () => boolean): void => {
    from.on('data', (chunk) => {
      if (isLost()) return;
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
    pass(client, server, () => state === 'half-open');
    pass(server, client, () => state === 'half-open' || state === 'answers-lost');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP server has an address.');
  return {
    address: `127.0.0.1:${address.port}`,
    target: (to) => { port = to; },
    set(to) {
      if (to === 'cut' || state !== 'through') reset();
      state = to;
    },
    delay: (ms) => { delayMs = ms; },
    reset,
    async [Symbol.asyncDispose]() {
      reset();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

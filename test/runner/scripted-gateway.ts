// A gateway's side of the runner protocol on a real socket, controlled by a test.

import { createServer } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { decodeJobResult, type DecodedResult } from '#core/protocol/job-result-frame.ts';
import {
  encodeMessage,
  parseRunnerMessage,
  subprotocol,
  tokenSubprotocolPrefix,
  type RunnerHello,
} from '#core/protocol/wire.ts';

/** A welcomed runner. */
export type JoinedRunner = {
  readonly hello: RunnerHello;
  /** Rejects when the connection closes first. One job at a time. */
  embed(texts: readonly string[]): Promise<DecodedResult>;
  /** The close code. */
  readonly closed: Promise<number>;
  close(code: number, reason: string): void;
};

export type ScriptedGateway = AsyncDisposable & {
  readonly url: string;
  /** The next runner that joins, in order of joining. */
  joined(): Promise<JoinedRunner>;
};

export async function startScriptedGateway(token: string): Promise<ScriptedGateway> {
  const server = createServer();
  const sockets = new WebSocketServer({
    server,
    handleProtocols: () => subprotocol,
    verifyClient: ({ req }: { req: { headers: Record<string, unknown> } }) => {
      const offered = String(req.headers['sec-websocket-protocol'])
        .split(',')
        .map((name) => name.trim());
      return offered.includes(tokenSubprotocolPrefix + Buffer.from(token).toString('base64url'));
    },
  });
  const waiting: PromiseWithResolvers<JoinedRunner>[] = [];
  const runners: JoinedRunner[] = [];
  sockets.on('connection', (socket) =>
    join(socket, (runner) => {
      const waiter = waiting.shift();
      if (waiter === undefined) runners.push(runner);
      else waiter.resolve(runner);
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `ws://127.0.0.1:${address.port}`,
    joined() {
      const runner = runners.shift();
      if (runner !== undefined) return Promise.resolve(runner);
      const waiter = Promise.withResolvers<JoinedRunner>();
      waiting.push(waiter);
      return waiter.promise;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function join(socket: WebSocket, welcomed: (runner: JoinedRunner) => void): void {
  const closed = Promise.withResolvers<number>();
  let job: PromiseWithResolvers<DecodedResult> | null = null;
  let jobs = 0;
  let dimensions = 0;
  const life = setInterval(() => socket.send(encodeMessage({ type: 'gateway-heartbeat' })), 500);
  socket.on('close', (code) => {
    clearInterval(life);
    closed.resolve(code);
    job?.reject(new Error(`the connection closed with ${code} before the result`));
  });
  socket.on('message', (data, binary) => {
    if (!(data instanceof Buffer)) throw new Error('ws hands out buffers');
    const frame = new Uint8Array(data);
    if (binary) return job?.resolve(decodeJobResult(frame, dimensions));
    const message = parseRunnerMessage(new TextDecoder().decode(frame));
    if (message.type !== 'runner-hello') return undefined;
    ({ dimensions } = message);
    socket.send(
      encodeMessage({
        type: 'runner-welcome',
        protocol: 1,
        sessionId: 'test',
        // Long: on a busy machine a runner must not take this gateway for gone.
        heartbeatMs: 10_000,
        limits: { frameBytesMax: 2 ** 24, textsPerJobMax: 512, textCharsMax: 32_768 },
      }),
    );
    return welcomed({
      hello: message,
      embed(texts) {
        if (socket.readyState !== socket.OPEN)
          return Promise.reject(new Error('the connection has closed before the job'));
        job = Promise.withResolvers();
        socket.send(
          encodeMessage({
            type: 'job-assign',
            jobId: `job-${++jobs}`,
            attempt: 1,
            deadlineMs: 30_000,
            texts: [...texts],
          }),
        );
        return job.promise;
      },
      closed: closed.promise,
      close: (code, reason) => socket.close(code, reason),
    });
  });
}

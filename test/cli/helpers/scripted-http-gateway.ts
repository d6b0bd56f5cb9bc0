// An HTTP server that answers every request as a test says, and keeps the requests.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { text as readAll } from 'node:stream/consumers';

export type Reply = {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Sent as JSON. */
  readonly body: unknown;
};

export type ReceivedRequest = {
  readonly path: string;
  readonly body: string;
  readonly authorization: string | undefined;
};

export type ScriptedGateway = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly ReceivedRequest[];
};

/** `number` counts the requests from 1. `port`: 0 takes a free one. */
export async function scriptedGateway(
  reply: (request: ReceivedRequest, number: number) => Reply,
  port = 0,
): Promise<ScriptedGateway> {
  const requests: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const { authorization } = request.headers;
      const received = { path: request.url ?? '', body, authorization };
      requests.push(received);
      const { status, headers, body: answer } = reply(received, requests.length);
      response.writeHead(status, headers).end(JSON.stringify(answer));
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('A TCP server has an address.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What a gateway answers to `POST /events` when every line is a valid event. */
export const allAccepted = (body: string): Reply => ({
  status: 202,
  body: { accepted: body.trim().split('\n').length, rejected: 0, dead_lettered: 0, items: [] },
});

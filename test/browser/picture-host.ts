// Another host with pictures of products, which says nothing about who may embed them.

import { once } from 'node:events';
import { createServer } from 'node:http';

export type PictureHost = AsyncDisposable & {
  readonly origin: string;
  /** The paths that were asked for. */
  readonly asked: readonly string[];
};

/** It has `/good.svg`, and nothing else. */
export async function startPictureHost(): Promise<PictureHost> {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, answer) => {
    asked.push(url);
    if (url !== '/good.svg') return answer.writeHead(404).end();
    answer.writeHead(200, { 'content-type': 'image/svg+xml' });
    return answer.end('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : null;
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

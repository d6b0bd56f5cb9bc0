// A fake Hugging Face hub on a local port: listings with hashes, files with ranges, and failures on
// demand.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export type FakeModel = {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly cardData?: Readonly<Record<string, unknown>>;
};

export type FakeHuggingFace = AsyncDisposable & {
  readonly endpoint: string;
  /** Requested paths, each with its range if it had one. */
  readonly requests: string[];
  /** Replaces the hub's answer when it returns true. */
  instead: (request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
};

export const commit = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00';

export async function startFakeHuggingFace(
  models: Readonly<Record<string, FakeModel>>,
): Promise<FakeHuggingFace> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://hub');
    requests.push(
      `${pathname}${request.headers.range === undefined ? '' : ` ${request.headers.range}`}`,
    );
    if (hub.instead(request, response)) return;
    const [, id, path] =
      /^\/api\/models\/([^/]+\/[^/]+)\/revision\/main$/.exec(pathname) ??
      new RegExp(`^/([^/]+/[^/]+)/resolve/${commit}/(.+)$`).exec(pathname) ??
      [];
    const model = models[id ?? ''];
    const content = path === undefined ? undefined : model?.files[path];
    if (model !== undefined && path === undefined) response.end(JSON.stringify(listingOf(model)));
    else if (content !== undefined) send(Buffer.from(content), request.headers.range, response);
    // The hub's answer for a model that does not exist or is not public.
    else response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('A TCP server has an address.');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const hub: FakeHuggingFace = {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    instead: () => false,
    close,
    [Symbol.asyncDispose]: close,
  };
  return hub;
}

function listingOf({ files, cardData }: FakeModel): unknown {
  return {
    sha: commit,
    cardData,
    siblings: Object.entries(files).map(([rfilename, content]) => {
      const bytes = Buffer.from(content);
      const blobId = createHash('sha1')
        .update(`blob ${bytes.length}\0`)
        .update(bytes)
        .digest('hex');
      return {
        rfilename,
        size: bytes.length,
        blobId,
        ...(rfilename.includes('.onnx') && {
          lfs: { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length },
        }),
      };
    }),
  };
}

function send(content: Buffer, range: string | undefined, response: ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  response
    .writeHead(start > 0 ? 206 : 200, { 'content-length': content.length - start })
    .end(content.subarray(start));
}

// A Schema Registry for tests: answers over real HTTP as Confluent's does, and refuses what that
// would refuse.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Registered = {
  readonly schema: string;
  /** Avro when absent, as in the real answer. */
  readonly schemaType?: string;
  readonly references?: readonly object[];
};

export type RegistryDouble = AsyncDisposable & {
  readonly url: string;
  /** The paths that were asked for. */
  readonly asked: string[];
  readonly byId: Map<number, Registered>;
  /** By `subject/version`. */
  readonly bySubject: Map<string, Registered>;
  /** Answers every request with this status. */
  fail(status: number | null): void;
};

const codes = { subject: 40_401, version: 40_402, id: 40_403 };

/** With a login, only requests that carry it are answered. */
export async function startRegistryDouble(
  login: { readonly username: string; readonly password: string } | null = null,
): Promise<RegistryDouble> {
  const asked: string[] = [];
  const byId = new Map<number, Registered>();
  const bySubject = new Map<string, Registered>();
  let failing: number | null = null;
  const expected = login === null ? null : `Basic ${btoa(`${login.username}:${login.password}`)}`;

  const answerTo = (path: string, authorization: string | undefined): [number, object] => {
    if (failing !== null) return [failing, { error_code: failing, message: 'failing' }];
    if (expected !== null && authorization !== expected)
      return [401, { error_code: 401, message: 'Unauthorized' }];
    if (path === '/base/schemas/types') return [200, ['AVRO', 'JSON', 'PROTOBUF']];
    const id = /^\/base\/schemas\/ids\/(\d+)$/.exec(path)?.[1];
    if (id !== undefined) {
      const found = byId.get(Number(id));
      return found === undefined ? [404, { error_code: codes.id, message: 'no' }] : [200, found];
    }
    const version = /^\/base\/subjects\/([^/]+)\/versions\/(\d+)$/.exec(path);
    if (version === null) return [404, { error_code: 404, message: 'HTTP 404 Not Found' }];
    const subject = decodeURIComponent(version[1] ?? '');
    const found = bySubject.get(`${subject}/${version[2]}`);
    return found === undefined ? [404, { error_code: codes.subject, message: 'no' }] : [200, found];
  };

  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const [status, body] = answerTo(request.url ?? '', request.headers.authorization);
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/base/`,
    asked,
    byId,
    bySubject,
    fail: (status) => {
      failing = status;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** A record in Confluent's wire format. */
export function withId(id: number, ...parts: readonly (Uint8Array | readonly number[])[]) {
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(1, id);
  return Uint8Array.from([...head, ...parts.flatMap((part) => [...part])]);
}

// A real gateway process on a free port, and the few questions that tests ask it over HTTP.

import { oneRunner, projectRoot, startProgram, type Program } from './program.ts';
import { until } from './until.ts';

export type Stats = {
  readonly events: {
    readonly received: number;
    readonly stored: number;
    readonly superseded: number;
    readonly dead_lettered: number;
    readonly unsettled: number;
    readonly lag: number;
  };
  readonly texts: { readonly unique_seen: number; readonly embedded: number };
  readonly store: { readonly texts: number; readonly events: number; readonly as_of: string };
  readonly dead_letters: { readonly open: number };
  readonly memory: { readonly rss_bytes: number };
  readonly runners: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: string;
    readonly dtype: string;
    readonly texts_embedded: number;
    readonly jobs_in_work: number;
    readonly texts_per_second: number;
    readonly proof: { readonly agreed: number; readonly needed: number };
  }[];
};

export type Answer = { readonly status: number; readonly type: string; readonly body: unknown };

export type GatewayClient = {
  readonly url: string;
  get(path: string): Promise<Answer>;
  post(path: string, body: string | Uint8Array<ArrayBuffer>, type?: string): Promise<Answer>;
  stats(): Promise<Stats>;
  /** Resolves when events can be accepted, embedded and found. */
  ready(): Promise<void>;
  /** Everything in the log is stored or dead-lettered, and committed; within 300 s by default. */
  idle(msMax?: number): Promise<Stats>;
};

/** `key`: the API key for its requests, if one is required. */
export function gatewayClient(url: string, key?: string): GatewayClient {
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const headers = new Headers(init.headers);
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    const response = await fetch(`${url}${path}`, {
      ...init,
      headers,
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, body: type.includes('json') ? JSON.parse(text) : text };
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the documented shape
  const stats = async (): Promise<Stats> => (await ask('/stats', {})).body as Stats;
  return {
    url,
    stats,
    get: (path) => ask(path, {}),
    post: (path, body, type = 'application/json') =>
      ask(path, { method: 'POST', body, headers: { 'content-type': type } }),
    async ready() {
      await until(
        'the gateway is ready',
        180_000,
        async () => (await ask('/readyz', {})).status === 200,
      );
    },
    idle(msMax = 300_000) {
      const askedAt = Date.now();
      return until('the gateway has nothing left to do', msMax, async () => {
        const seen = await stats();
        // On a busy machine `/stats` returns the last known values.
        const isFresh = Date.parse(seen.store.as_of) >= askedAt;
        return isFresh && seen.events.lag === 0 && seen.events.unsettled === 0 && seen;
      });
    },
  };
}

export type RunningGateway = Program & GatewayClient;

/** Resolves when it answers requests; runners join afterwards. */
export async function startGateway(
  dataDir: string,
  environment: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
  through: readonly string[] = [],
  project = projectRoot,
): Promise<RunningGateway> {
  const program = startProgram({
    script: 'gateway/main.ts',
    project,
    flags: ['VECTORSTREAM_PORT' in environment ? [] : ['--port', '0'], flags].flat(),
    channel: true,
    through,
    environment: { ...oneRunner, VECTORSTREAM_DATA_DIR: dataDir, ...environment },
  });
  const listening = new Promise<string>((resolve) =>
    program.child.on('message', (message) => {
      if (typeof message === 'object' && 'url' in message) resolve(String(message.url));
    }),
  );
  const failed = program.ended.then(({ code, signal }): never => {
    throw new Error(
      `The gateway ended at its start (${signal ?? code}): ${program.stderr()}${program.stdout()}`,
    );
  });
  const url = await Promise.race([listening, failed]);
  failed.catch(() => undefined);
  return { ...program, ...gatewayClient(url, environment['VECTORSTREAM_API_KEY']) };
}

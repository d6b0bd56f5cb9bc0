// A real gateway process on the fake model, with one trusted runner, and what a search in its store
// can find at each second of an attack.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { cosine } from '#core/vectors/vector.ts';
import { writeFakeModel } from '../../helpers/fake-model-folder.ts';
import { fakeVector } from '../../helpers/fake-model.ts';
import {
  connectFakeRunner,
  type Behaviour,
  type ConnectedRunner,
} from '../../helpers/fake-runner.ts';
import { startGateway, type RunningGateway } from '../../helpers/gateway-program.ts';
import { sendEvents, shopEvents } from '../../helpers/shop-events.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';

const sharedToken = 'shared-token-of-the-fleet-0123456789';
const trustedToken = 'trusted-token-of-the-fleet-0123456789';

export type Course = {
  /** Of the texts sent meanwhile: the largest share of wrong ones among at least 100 found. */
  readonly worstShare: number;
  /** The most of them that were wrong at once. */
  readonly wrongMax: number;
  /** How long a text took at most until a search could find it, in ms; to a second. */
  readonly searchableMsMax: number;
};
type JoinOptions = {
  /** `join`: a new join token each time. */
  readonly token?: 'shared' | 'trusted' | 'join' | { readonly own: string };
  readonly textsPerSecond?: number;
};

export async function openAttackedGateway(): Promise<AttackedGateway> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await temporaryFolder());
  const model = join(folder.path, 'model');
  const dataDir = join(folder.path, 'data');
  const modelRevision = await writeFakeModel(model);
  const gateway = opened.use(
    await startGateway(dataDir, {
      VECTORSTREAM_MODEL: model,
      VECTORSTREAM_RUNNERS: '0',
      VECTORSTREAM_RUNNERS_CHECK_SECONDS: '5',
      VECTORSTREAM_RUNNER_TOKEN: sharedToken,
      VECTORSTREAM_TRUSTED_RUNNER_TOKEN: trustedToken,
    }),
  );
  const attacked = new AttackedGateway(gateway, dataDir, modelRevision, opened.move());
  await attacked.join(({ answer }) => answer(fakeVector), { token: 'trusted' });
  await gateway.ready();
  return attacked;
}

export class AttackedGateway implements AsyncDisposable {
  readonly gateway: RunningGateway;
  /** How often runners of `joinAgain` have joined. */
  joins = 0;
  readonly #dataDir: string;
  readonly #modelRevision: string;
  readonly #owned: AsyncDisposableStack;
  #names = 0;
  #sent = 0;

  constructor(
    gateway: RunningGateway,
    dataDir: string,
    modelRevision: string,
    owned: AsyncDisposableStack,
  ) {
    this.gateway = gateway;
    this.#dataDir = dataDir;
    this.#modelRevision = modelRevision;
    this.#owned = owned;
  }

  async join(
    behaviour: Behaviour,
    { token = 'shared', textsPerSecond = 1_000 }: JoinOptions = {},
  ): Promise<ConnectedRunner> {
    return connectFakeRunner({
      url: `${this.gateway.url.replace('http', 'ws')}/runners/connect`,
      token: await this.#tokenFor(token),
      name: `runner ${(this.#names += 1)}`,
      modelRevision: this.#modelRevision,
      textsPerSecond,
      behaviour,
    });
  }

  /** Joins again under a new name whenever it is closed, until the signal aborts. */
  async joinAgain(behaviour: Behaviour, signal: AbortSignal, more?: JoinOptions): Promise<void> {
    while (!signal.aborted) {
      // On a busy machine a join may time out; the attack goes on.
      const joined = await this.join(behaviour, more).catch(() => null);
      if (joined !== null) this.joins += 1;
      await joined?.closed;
      await setTimeout(200);
    }
  }

  /** New texts every second, for so many seconds, or until the signal aborts. */
  async feed(seconds: number, textsPerSecond: number, signal?: AbortSignal): Promise<Course> {
    const waiting = new Map<number, number>();
    const first = this.#sent;
    let worstShare = 0;
    let wrongMax = 0;
    let searchableMsMax = 0;
    const look = (): void => {
      const known = new Map([...this.#vectors()].filter(([text]) => numberOf(text) >= first));
      const wrong = [...known.values()].filter((isRight) => !isRight).length;
      wrongMax = Math.max(wrongMax, wrong);
      if (known.size >= 100) worstShare = Math.max(worstShare, wrong / known.size);
      const numbers = new Set([...known.keys()].map(numberOf));
      for (const [number, at] of waiting) {
        if (!numbers.has(number)) continue;
        searchableMsMax = Math.max(searchableMsMax, performance.now() - at);
        waiting.delete(number);
      }
    };
    for (let second = 0; second < seconds; second++) {
      if (signal?.aborted === true) break;
      const events = shopEvents(textsPerSecond, textsPerSecond, this.#sent);
      for (let n = 0; n < textsPerSecond; n++) waiting.set(this.#sent + n, performance.now());
      this.#sent += textsPerSecond;
      await sendEvents(this.gateway, events);
      await setTimeout(1_000);
      look();
    }
    await until('all texts can be found', 120_000, () => {
      look();
      return waiting.size === 0;
    });
    return { worstShare, wrongMax, searchableMsMax };
  }

  /** Resolves when every text that was sent has its right vector, to how long that took, in ms. */
  async allRight(msMax: number): Promise<number> {
    const from = performance.now();
    await until('all texts are right', msMax, () => {
      const known = [...this.#vectors().values()];
      return known.length === this.#sent && known.every(Boolean);
    });
    return performance.now() - from;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }

  async newToken(): Promise<string> {
    const { body } = await this.gateway.post('/runners/tokens', '{"ttl_minutes": 10}');
    return z.object({ token: z.string() }).parse(body).token;
  }

  async #tokenFor(kind: JoinOptions['token']): Promise<string> {
    if (typeof kind === 'object') return kind.own;
    if (kind === 'trusted') return trustedToken;
    return kind === 'join' ? this.newToken() : sharedToken;
  }

  /** The texts that a search can find, and whether the vector of each is right. */
  #vectors(): ReadonlyMap<string, boolean> {
    using database = new DatabaseSync(join(this.#dataDir, 'vectorstream.db'), { readOnly: true });
    const rows = database
      .prepare(
        'SELECT texts.text, vectors.vector FROM vectors JOIN texts ON texts.key = vectors.text',
      )
      .all();
    return new Map(rows.map((row) => [String(row['text']), isOf(row['text'], row['vector'])]));
  }
}

const numberOf = (text: string): number => Number(/no\. (\d+)/.exec(text)?.[1] ?? -1);

function isOf(text: unknown, bytes: unknown): boolean {
  if (!(bytes instanceof Uint8Array)) return false;
  return cosine(new Float32Array(bytes.slice().buffer), fakeVector(String(text))) > 0.999;
}

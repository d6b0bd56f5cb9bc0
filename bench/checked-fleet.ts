// Runs a fleet of honest runners on a clock of its own, in this process: the hub is the gateway's,
// and a runner takes as long for its texts as its speed says. So what checks cost can be counted.

import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { memoryLink } from '#core/memory/memory-channel.ts';
import { createMemoryRunnerBlocks } from '#core/memory/memory-runner-blocks.ts';
import type { Channel, EmbedOutcome } from '#core/ports.ts';
import { encodeJobResult } from '#core/protocol/job-result-frame.ts';
import {
  encodeMessage,
  parseGatewayMessage,
  protocolVersion,
  type JobAssign,
} from '#core/protocol/wire.ts';
import type { CrossCheckResult } from '#core/trust/agreement.ts';
import { RunnerBlocks } from '#core/trust/runner-blocks.ts';
import { random } from '../cli/generator/random.ts';
import { createRunnerHub, defaultHubLimits, type RunnerHub } from '../gateway/fleet/runner-hub.ts';

export type CheckedFleetOptions = {
  /** Texts per second of each runner. */
  readonly trusted: readonly number[];
  readonly untrusted: readonly number[];
  /** What the untrusted ones claim; `null`: the truth. */
  readonly claimed?: number | null;
  /** `Infinity`: no golden texts among their jobs. */
  readonly checkIntervalMs: number;
  /** How long texts are counted, once all runners are proven. */
  readonly measureMs: number;
  readonly seed: number;
};

export type CheckedFleetFigures = {
  /** Texts that callers got, and how many per second. */
  readonly texts: number;
  readonly rate: number;
  /** Golden texts that runners embedded meanwhile, and samples that were embedded again. */
  readonly goldenTexts: number;
  readonly samples: number;
  /** Seconds until all runners were proven. */
  readonly probationSeconds: number;
  /** The longest time from a text's arrival until its vector, in all. */
  readonly longestMs: number;
  /** Microseconds of this process, hub and runners together, for each text. */
  readonly processorMicros: number;
};

const dimensions = 8;
const goldenTexts = 52;
const model = { modelId: 'bench', modelRevision: 'bench', dimensions };
const right: EmbedOutcome = { ok: true, vector: Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0) };
const golden = Array.from({ length: goldenTexts }, (_, n) => ({
  text: `golden ${n}`,
  vector: [1, 0, 0, 0, 0, 0, 0, 0],
}));
const ignored = (): void => undefined;
const provenMsMax = 600_000;

export async function runCheckedFleet(options: CheckedFleetOptions): Promise<CheckedFleetFigures> {
  const { trusted, untrusted, claimed = null, checkIntervalMs, measureMs, seed } = options;
  const clock = new ManualClock();
  const stop = new AbortController();
  let longestMs = 0;
  const counted = { texts: 0, golden: 0, samples: 0 };
  const onCheck = (result: CrossCheckResult): void => {
    if (stop.signal.aborted) return;
    if (result !== 'agreed') throw new Error(`A check of an honest runner ended as ${result}`);
    counted.samples += 1;
  };
  const hub = openHub({ clock, signal: stop.signal, checkIntervalMs, seed, onCheck });
  const onGolden = (): void => void (counted.golden += 1);
  const join = (speed: number, isTrusted: boolean): void =>
    serve(joined(hub, isTrusted), {
      clock,
      onGolden,
      textsPerSecond: speed,
      claimed: isTrusted ? speed : (claimed ?? speed),
    });
  for (const speed of trusted) join(speed, true);
  for (const speed of untrusted) join(speed, false);

  // Two seconds of work always wait, so that no runner is ever idle.
  const atOnce = 2 * [...trusted, ...untrusted].reduce((sum, speed) => sum + speed, 0);
  const feed = async (n: number): Promise<void> => {
    while (!stop.signal.aborted) {
      const text = `text ${n} ${(counted.texts += 1)}`;
      const from = clock.monotonic();
      await hub.service.embed(text, { priority: 'bulk', signal: stop.signal });
      longestMs = Math.max(longestMs, clock.monotonic() - from);
    }
  };
  const feeding = Promise.allSettled(Array.from({ length: atOnce }, (_, n) => feed(n)));
  const isProven = (): boolean =>
    hub.runners().filter(({ state, inProbation }) => state === 'ready' && !inProbation).length ===
    trusted.length + untrusted.length;
  for (let ms = 0; !isProven(); ms += 1_000) {
    if (ms > provenMsMax) throw new Error('The runners are not proven within ten minutes');
    await pass(clock, 1_000);
  }
  const probationSeconds = clock.monotonic() / 1000;
  // Their shares of the work grow with their first checks.
  await pass(clock, Math.min(checkIntervalMs, 60_000));
  Object.assign(counted, { texts: 0, golden: 0, samples: 0 });
  const cpu = process.cpuUsage();
  await pass(clock, measureMs);
  const { user, system } = process.cpuUsage(cpu);
  const figures = {
    texts: counted.texts,
    rate: (counted.texts * 1000) / measureMs,
    goldenTexts: counted.golden,
    samples: counted.samples,
    probationSeconds,
    longestMs,
    processorMicros: (user + system) / counted.texts,
  };
  stop.abort();
  await hub.close();
  await feeding;
  return figures;
}

function openHub({
  clock,
  signal,
  checkIntervalMs,
  seed,
  onCheck,
}: {
  readonly clock: ManualClock;
  readonly signal: AbortSignal;
  readonly checkIntervalMs: number;
  readonly seed: number;
  readonly onCheck: (result: CrossCheckResult) => void;
}): RunnerHub {
  const blocks = new RunnerBlocks({
    store: createMemoryRunnerBlocks(),
    clock,
    backoff: { delayMs: 100, delayMsMax: 1_000 },
    onFailure: ignored,
  });
  void blocks.run(signal);
  const dice = random(seed);
  return createRunnerHub({
    identity: model,
    golden: { cases: golden },
    bounds: { q8: { goldenMeanMin: 0.996, goldenMin: 0.988 } },
    tokens: { shared: 'shared', trusted: [], join: () => null },
    clock,
    limits: { ...defaultHubLimits, checkIntervalMs, closeMsMax: 0 },
    log: { debug: ignored, info: ignored, warn: ignored, error: ignored },
    provenanceLog: {
      begin: () => Promise.resolve(),
      verified: ignored,
      end: ignored,
      distrust: ignored,
      reEmbed: ignored,
    },
    expectsTrusted: true,
    random: () => dice.next(),
    addressOf: () => '127.0.0.1',
    addressMark: (address) => address,
    blocks,
    observer: {
      job: ignored,
      requeued: ignored,
      quarantined: ignored,
      lateAnswer: ignored,
      runners: ignored,
      golden: ignored,
      crossCheck: onCheck,
    },
  });
}

function joined(hub: RunnerHub, trusted: boolean): Channel {
  const { near, far } = memoryLink();
  hub.accept(near, { trusted, token: null, address: '127.0.0.1' });
  return far;
}

/** One job after the other, in the order in which they come. */
function serve(
  channel: Channel,
  {
    textsPerSecond,
    claimed,
    clock,
    onGolden,
  }: {
    readonly textsPerSecond: number;
    readonly claimed: number;
    readonly clock: ManualClock;
    readonly onGolden: () => void;
  },
): void {
  let last: Promise<void> = Promise.resolve();
  const work = async ({ jobId, attempt, texts }: JobAssign): Promise<void> => {
    await clock.sleep((texts.length * 1000) / textsPerSecond);
    for (const text of texts) if (text.startsWith('golden ')) onGolden();
    const outcomes = texts.map(() => right);
    const timings = { queuedMs: 0, embedMs: 0 };
    if (isOpen) channel.send(encodeJobResult({ jobId, attempt, outcomes, timings }));
  };
  let isOpen = true;
  channel.listen({
    frame(frame) {
      if (typeof frame !== 'string') return;
      const message = parseGatewayMessage(frame);
      if (message.type === 'job-assign') last = last.then(() => work(message));
      if (message.type === 'gateway-heartbeat')
        channel.send(encodeMessage({ type: 'runner-heartbeat' }));
    },
    closed: () => (isOpen = false),
  });
  channel.send(
    encodeMessage({
      type: 'runner-hello',
      protocol: protocolVersion,
      name: `${textsPerSecond} texts/s`,
      kind: 'node',
      device: 'cpu',
      adapter: '',
      softwareAdapter: false,
      dtype: 'q8',
      ...model,
      textsPerSecond: claimed,
      limits: { textsPerJobMax: 512 },
    }),
  );
}

/** Lets `ms` pass, and gives the hub its turns before each step. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  const end = clock.monotonic() + ms;
  do {
    await setImmediate();
    await setImmediate();
  } while (clock.wakeNext(end));
}

// A simulated runner: the real runner loop over in-memory links, on a model that behaves as the run
// chooses.

import type { ManualClock } from '#core/memory/manual-clock.ts';
import { memoryLink, type MemoryLink } from '#core/memory/memory-channel.ts';
import type { Channel, Embedder } from '#core/ports.ts';
import { RunnerFailedError } from '#core/protocol/runner-loop.ts';
import { keepConnected, RunnerRefusedError } from '#core/protocol/runner-reconnect.ts';
import { ConnectError } from '#core/protocol/websocket-channel.ts';
import { always } from '#core/time/fair-queue.ts';
import type { RunnerHub } from '../../../gateway/fleet/runner-hub.ts';
import { fakeVector, golden, identity } from '../../helpers/fake-model.ts';
import { strictEmbedder } from '../../helpers/strict.ts';

export const behaviours = [
  'honest',
  'slow',
  'hanging',
  'repeating',
  'late',
  'broken',
  'lying',
  'lying-later',
  'lying-once-proven',
] as const;
export type Behaviour = (typeof behaviours)[number];
/** Their wrong vectors pass the golden check and are detected only by a cross-check. */
export const passingGolden: readonly Behaviour[] = ['lying', 'lying-later', 'lying-once-proven'];

export type SimulatedRunner = {
  readonly name: string;
  readonly behaviour: Behaviour;
  /** Both ends see that the link is closed. */
  cut(): void;
  /** Nothing arrives any more, and neither end is notified. */
  freeze(): void;
  leave(): void;
};

export type SimulatedRunnerOptions = {
  readonly clock: ManualClock;
  readonly random: () => number;
  readonly name: string;
  readonly behaviour: Behaviour;
  readonly trusted: boolean;
  /** `null` while no gateway runs. */
  readonly hub: () => RunnerHub | null;
};

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const goldenTexts = new Set(golden.cases.map(({ text }) => text));
const respawnMs = 500;
const honestCallsFirst = 4;

const isPoison = (text: string): boolean => text.startsWith('poison');

export function startSimulatedRunner(options: SimulatedRunnerOptions): SimulatedRunner {
  const { clock, random, name, behaviour, trusted, hub } = options;
  const stop = new AbortController();
  let link: MemoryLink | null = null;

  const connect = async (): Promise<Channel> => {
    const gateway = hub();
    if (gateway === null) throw new ConnectError('No gateway is running.');
    const opened = memoryLink();
    link = opened;
    gateway.accept(opened.near, { trusted, token: null, address: name });
    return behaviour === 'repeating' || behaviour === 'late'
      ? disturbed(opened.far, clock, behaviour)
      : opened.far;
  };

  const isProven = (): boolean => {
    const proof = hub()
      ?.runners()
      .find((shown) => shown.name === name)?.proof;
    return proof !== undefined && proof.agreed === proof.needed;
  };

  /** Like a supervisor, replaces a model that failed. A refused runner does not return. */
  const live = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        return await keepConnected({
          connect,
          embedder: strictEmbedder(embedderOf(clock, behaviour, isProven)),
          turn: always,
          clock,
          random,
          name,
          kind: 'node',
          drain: stop.signal,
          log: quiet,
        });
      } catch (error) {
        if (error instanceof RunnerRefusedError) return;
        if (!(error instanceof RunnerFailedError)) throw error;
        await clock.sleep(respawnMs, stop.signal).catch(() => undefined);
      }
    }
  };
  void live();
  return {
    name,
    behaviour,
    cut: () => link?.cut(),
    freeze: () => link?.freeze(),
    leave: () => stop.abort(),
  };
}

function embedderOf(clock: ManualClock, behaviour: Behaviour, isProven: () => boolean): Embedder {
  let calls = 0;
  const isWrong = (text: string): boolean =>
    behaviour === 'broken' ||
    (!goldenTexts.has(text) &&
      (behaviour === 'lying' ||
        (behaviour === 'lying-later' && calls > honestCallsFirst) ||
        (behaviour === 'lying-once-proven' && isProven())));
  return {
    info: {
      ...identity,
      device: 'cpu',
      dtype: 'fp32',
      adapter: 'none',
      softwareAdapter: false,
      textsPerSecond: behaviour === 'slow' ? 2 : 100,
    },
    async embed(texts) {
      calls += 1;
      // It passes admission first.
      if (behaviour === 'hanging' && calls > 2) await clock.sleep(1e9);
      await clock.sleep(texts.length * (behaviour === 'slow' ? 500 : 5));
      if (texts.some(isPoison)) throw new Error('A text that kills runners.');
      return texts.map((text) => ({
        ok: true,
        vector: fakeVector(isWrong(text) ? `${text}, a lie` : text),
      }));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Sends every frame twice, or each frame two seconds late and in order. Frames that are still
 * delayed when the channel closes are lost.
 */
function disturbed(channel: Channel, clock: ManualClock, behaviour: 'repeating' | 'late'): Channel {
  let last = Promise.resolve();
  let isClosed = false;
  return {
    ...channel,
    bufferedAmount: () => 0,
    close(code, reason) {
      isClosed = true;
      channel.close(code, reason);
    },
    listen: (handlers) => channel.listen(handlers),
    send(frame) {
      if (behaviour === 'repeating') {
        channel.send(frame);
        // A second greeting is a different fault from a repeated answer.
        if (typeof frame !== 'string') channel.send(frame);
      } else {
        last = last
          .then(() => clock.sleep(2_000))
          .then(() => {
            if (!isClosed) channel.send(frame);
          });
      }
    },
  };
}

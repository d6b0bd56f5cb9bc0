// A simulated runner: the real loop over links in memory, on a model that behaves as a run wants it
// to.

import type { ManualClock } from '#core/memory/manual-clock.ts';
import { memoryLink, type MemoryLink } from '#core/memory/memory-channel.ts';
import type { Channel, Embedder } from '#core/ports.ts';
import { keepConnected, RunnerRefusedError } from '#core/protocol/runner-connection.ts';
import { RunnerFailedError } from '#core/protocol/runner-loop.ts';
import { ConnectError } from '#core/protocol/websocket-channel.ts';
import { always } from '#core/time/fair-queue.ts';
import type { RunnerHub } from '../../../gateway/fleet/runner-hub.ts';
import { fakeVector, golden, identity } from '../../helpers/fake-model.ts';
import { strictEmbedder } from '../../helpers/strict.ts';

export const manners = [
  'honest',
  'slow',
  'hanging',
  'repeating',
  'late',
  'broken',
  'lying',
  'turning',
] as const;
export type Manner = (typeof manners)[number];
/** Those whose wrong vectors pass the golden check, until they are compared. */
export const believed: readonly Manner[] = ['lying', 'turning'];

export type SimulatedRunner = {
  readonly name: string;
  readonly manner: Manner;
  /** Both ends see that the link is gone. */
  cut(): void;
  /** Nothing arrives any more, and nobody is told. */
  freeze(): void;
  leave(): void;
};

export type SimulatedRunnerOptions = {
  readonly clock: ManualClock;
  readonly random: () => number;
  readonly name: string;
  readonly manner: Manner;
  readonly trusted: boolean;
  /** `null` while no gateway runs. */
  readonly hub: () => RunnerHub | null;
};

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const goldenTexts = new Set(golden.cases.map(({ text }) => text));
const respawnMs = 500;
const honestCallsOfTurning = 4;

const isPoison = (text: string): boolean => text.startsWith('poison');

export function startSimulatedRunner(options: SimulatedRunnerOptions): SimulatedRunner {
  const { clock, random, name, manner, trusted, hub } = options;
  const stop = new AbortController();
  let link: MemoryLink | null = null;

  const connect = async (): Promise<Channel> => {
    const gateway = hub();
    if (gateway === null) throw new ConnectError('No gateway is there.');
    const opened = memoryLink();
    link = opened;
    gateway.accept(opened.near, { trusted, token: null, address: name });
    return manner === 'repeating' || manner === 'late'
      ? disturbed(opened.far, clock, manner)
      : opened.far;
  };

  /** Like a supervisor, replaces a model that failed. A refused runner does not return. */
  const live = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        return await keepConnected({
          connect,
          embedder: strictEmbedder(embedderOf(clock, manner)),
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
    manner,
    cut: () => link?.cut(),
    freeze: () => link?.freeze(),
    leave: () => stop.abort(),
  };
}

function embedderOf(clock: ManualClock, manner: Manner): Embedder {
  let calls = 0;
  const isWrong = (text: string): boolean =>
    manner === 'broken' ||
    (!goldenTexts.has(text) &&
      (manner === 'lying' || (manner === 'turning' && calls > honestCallsOfTurning)));
  return {
    info: {
      ...identity,
      device: 'cpu',
      dtype: 'fp32',
      adapter: 'none',
      softwareAdapter: false,
      textsPerSecond: manner === 'slow' ? 2 : 100,
    },
    async embed(texts) {
      calls += 1;
      // The check at the door is passed in any case.
      if (manner === 'hanging' && calls > 2) await clock.sleep(1e9);
      await clock.sleep(texts.length * (manner === 'slow' ? 500 : 5));
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
 * Says every frame twice, or up to two seconds after it should; a late one overtakes none. Those
 * that are still late at the close are lost.
 */
function disturbed(channel: Channel, clock: ManualClock, manner: 'repeating' | 'late'): Channel {
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
      if (manner === 'repeating') {
        channel.send(frame);
        // A second greeting is another fault than an answer that comes twice.
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

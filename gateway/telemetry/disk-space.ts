// Watches how much is free on the disk of the data folder, so that the gateway warns early, and
// stops taking events before a write fails.

import { statfs } from 'node:fs/promises';
import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { Log } from './gateway-log.ts';
import type { DiskLevel } from './metrics/scraped-gauges.ts';

export type DiskState = {
  readonly level: DiskLevel;
  /** `null` while the disk does not say. */
  readonly freeBytes: number | null;
  /** What is wrong and what to do; `null` while there is enough room. */
  readonly problem: string | null;
};

export type DiskSpace = { readonly state: () => DiskState };

export type DiskSpaceOptions = {
  /** Absolute. */
  readonly folder: string;
  readonly limits: { readonly diskFreeBytesLow: number; readonly diskFreeBytesMin: number };
  /** Whether events are written to this disk, so that intake must stop when it has no room. */
  readonly holdsEvents: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes that this user may still write; rejects when the disk does not say. */
  readonly readFreeBytes: (folder: string) => Promise<number>;
};

const lookEveryMs = 1_000;
/** A level ends only this far beyond its bound, so that it does not change all the time. */
const roomToRise = 1.1;

export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Resolves after the first look, and looks again every second until it is disposed. */
export async function watchDiskSpace(
  options: DiskSpaceOptions,
): Promise<DiskSpace & AsyncDisposable> {
  const { folder, clock, log, readFreeBytes } = options;
  const stopping = new AbortController();
  let state: DiskState = { level: 'enough', freeBytes: null, problem: null };
  const look = async (): Promise<void> => {
    const freeBytes = await readFreeBytes(folder).catch(() => null);
    const before = state.level;
    state = stateOf(freeBytes, before, options);
    if (state.level === before) return;
    const fields = { folder, free_bytes: freeBytes };
    if (state.problem === null) log.info(fields, 'the disk of the data folder has room again');
    else log.warn(fields, state.problem);
  };
  await look();
  const watching = (async () => {
    while (await rest(clock, lookEveryMs, stopping.signal)) await look();
  })();
  return {
    state: () => state,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await watching;
    },
  };
}

/** A disk that does not say how much is free leaves the level as it was. */
function stateOf(
  freeBytes: number | null,
  before: DiskLevel,
  { limits, holdsEvents, folder }: Pick<DiskSpaceOptions, 'limits' | 'holdsEvents' | 'folder'>,
): DiskState {
  const min = holdsEvents ? limits.diskFreeBytesMin : 0;
  const low = Math.max(limits.diskFreeBytesLow, min);
  const isBelow = (bound: number, wasBelow: boolean): boolean =>
    freeBytes === null ? wasBelow : freeBytes < bound * (wasBelow ? roomToRise : 1);
  const free = `${inMebibytes(freeBytes)} are free on the disk of the data folder ${folder}`;
  if (isBelow(min, before === 'out'))
    return {
      level: 'out',
      freeBytes,
      problem:
        `${free}, less than ${inMebibytes(min)} (ingest.diskFreeBytesMin): no events are taken ` +
        'until there is room. Free some space; intake then resumes by itself',
    };
  if (isBelow(low, before !== 'enough'))
    return {
      level: 'low',
      freeBytes,
      problem:
        `${free}, less than ${inMebibytes(low)} (ingest.diskFreeBytesLow): ` +
        (holdsEvents
          ? `free some space before intake stops at ${inMebibytes(min)}`
          : 'free some space'),
    };
  return { level: 'enough', freeBytes, problem: null };
}

const inMebibytes = (bytes: number | null): string =>
  bytes === null ? 'an unknown number of bytes' : `${Math.floor(bytes / 2 ** 20)} MiB`;

// Decides which devices and dtypes to try on a machine, and ranks the measured ones.

import { UsageError } from '#core/errors/errors.ts';
import type { Device, Manifest } from '#core/model/model-manifest.ts';

export type Candidate = { readonly device: Device; readonly dtype: string };

export type ProbeResult =
  | {
      readonly ok: true;
      readonly candidate: Candidate;
      readonly textsPerSecond: number;
      readonly golden: string;
    }
  | {
      readonly ok: false;
      readonly candidate: Candidate;
      readonly code: string;
      readonly message: string;
    };

type Request = { readonly device: Device | 'auto'; readonly dtype: string };

export type Platform = {
  /** Tried when no device is forced, the last resort last; at least one. */
  readonly devices: readonly Device[];
  /** Name of the setting that forces a dtype. */
  readonly dtypeSetting: string;
};

/**
 * Devices that are tried when none is forced, by host. A GPU goes first: it leaves the processor to
 * the person at the machine. CUDA is tried only when a setting names it.
 */
const deviceOrder = { node: ['webgpu', 'cpu'], page: ['webgpu', 'wasm'] } as const;

/** Leaves WebGPU out where no GPU may exist. */
export const devicesOf = (host: keyof typeof deviceOrder, hasGpu: boolean): readonly Device[] =>
  deviceOrder[host].filter((device) => hasGpu || device !== 'webgpu');

/** Dtypes by device: those tried first, and those tried when none of the first was correct. */
const preferences: Readonly<Record<Device, readonly (readonly string[])[]>> = {
  webgpu: [['fp16', 'fp32']],
  cuda: [['fp16', 'fp32']],
  cpu: [['q8', 'int8'], ['fp32']],
  wasm: [['q8', 'int8'], ['fp32']],
};

/**
 * Rounds of candidates. A round is tried only while no earlier round has a correct candidate for
 * the same device. If a device or dtype is forced, nothing else is tried.
 *
 * @throws UsageError when the model has no such dtype.
 */
export function candidateRounds(
  manifest: Manifest,
  request: Request,
  platform: Platform,
): readonly (readonly Candidate[])[] {
  const known = Object.keys(manifest.dtypes);
  if (request.dtype !== 'auto' && !known.includes(request.dtype)) {
    throw new UsageError(
      `${platform.dtypeSetting} is "${request.dtype}": ` +
        `${manifest.modelId} has ${known.join(', ')}; auto chooses.`,
    );
  }
  const onDevices = request.device === 'auto' ? platform.devices : [request.device];
  if (request.dtype !== 'auto') {
    const fitting = onDevices.filter(
      (device) =>
        request.device !== 'auto' || manifest.dtypes[request.dtype]?.devices.includes(device),
    );
    return [
      (fitting.length > 0 ? fitting : platform.devices.slice(-1)).map((device) => ({
        device,
        dtype: request.dtype,
      })),
    ];
  }
  const graphOf = (dtype: string): string | undefined => manifest.dtypes[dtype]?.file;
  const roundsOf = (device: Device): Candidate[][] =>
    preferences[device].map((dtypes) =>
      dtypes
        .filter((dtype) => manifest.dtypes[dtype]?.devices.includes(device))
        // Two names of one graph need no comparison.
        .filter((dtype, index, all) => all.map(graphOf).indexOf(graphOf(dtype)) === index)
        .map((dtype) => ({ device, dtype })),
    );
  const byDevice = onDevices.map(roundsOf);
  const depth = Math.max(...byDevice.map((rounds) => rounds.length));
  const rounds = Array.from({ length: depth }, (_, round) =>
    byDevice.flatMap((device) => device[round] ?? []),
  ).filter((round) => round.length > 0);
  // A model whose dtypes have other names still runs: all that it has for the device are tried.
  return rounds.length > 0
    ? rounds
    : [
        onDevices.flatMap((device) =>
          known
            .filter((dtype) => manifest.dtypes[dtype]?.devices.includes(device))
            .map((dtype) => ({ device, dtype })),
        ),
      ];
}

/** Whether the round has a candidate for a device on which no result is correct yet. */
export function isNeeded(round: readonly Candidate[], results: readonly ProbeResult[]): boolean {
  return round.some(
    ({ device }) => !results.some((result) => result.ok && result.candidate.device === device),
  );
}

/** A candidate that failed for one of these reasons may be right at the next try. */
const passingCodes: ReadonlySet<string> = new Set([
  'crashed',
  'device_lost',
  'no_adapter',
  'worker_crashed',
  'worker_silent',
]);
const hourMs = 3_600_000;

/** How long a choice by these results is kept, in ms: a week; an hour if a failure may pass. */
export function choiceMsMax(results: readonly ProbeResult[]): number {
  return results.some((result) => !result.ok && passingCodes.has(result.code))
    ? hourMs
    : 7 * 24 * hourMs;
}

type Correct = ProbeResult & { ok: true };

/** `speedupMin` when no setting gives it. */
export const speedupMinDefault = 1.3;

/**
 * The correct ones, best first. The first embeds; the next takes over when it keeps failing.
 * Fidelity goes before speed: a dtype of lower fidelity is preferred only when it is `speedupMin`
 * times as fast. A dtype's fidelity is the mean cosine that the manifest asks of it.
 */
export function ranked(
  results: readonly ProbeResult[],
  { dtypes }: Pick<Manifest, 'dtypes'>,
  speedupMin: number,
): readonly Correct[] {
  const fidelity = ({ candidate }: Correct): number => dtypes[candidate.dtype]?.goldenMeanMin ?? 0;
  const left = results
    .filter((result) => result.ok)
    .toSorted((a, b) => fidelity(b) - fidelity(a) || b.textsPerSecond - a.textsPerSecond);
  const order: Correct[] = [];
  while (left.length > 0) {
    const best = left.reduce((one, other) =>
      other.textsPerSecond >= speedupMin * one.textsPerSecond ? other : one,
    );
    order.push(...left.splice(left.indexOf(best), 1));
  }
  return order;
}

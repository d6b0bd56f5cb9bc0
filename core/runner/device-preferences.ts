// Decides what is worth trying on a machine, and which of the measured candidates embed for it.

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
  /** What is tried unasked, the last resort last; at least one. */
  readonly devices: readonly Device[];
  /** By what name a dtype is forced here. */
  readonly dtypeSetting: string;
};

/** By device: what is tried first, and what is tried when nothing of that was right. */
const preferences: Readonly<Record<Device, readonly (readonly string[])[]>> = {
  webgpu: [['fp16', 'fp32']],
  cuda: [['fp16', 'fp32']],
  cpu: [['q8', 'int8'], ['fp32']],
  wasm: [['q8', 'int8'], ['fp32']],
};

/**
 * Rounds of candidates; a round is tried only when none before it has a right one for the same
 * device. Whatever is forced is the only thing tried.
 *
 * @throws UsageError when the model has no such dtype.
 */
export function candidateRounds(
  manifest: Manifest,
  request: Request,
  place: Platform,
): readonly (readonly Candidate[])[] {
  const known = Object.keys(manifest.dtypes);
  if (request.dtype !== 'auto' && !known.includes(request.dtype)) {
    throw new UsageError(
      `${place.dtypeSetting} is "${request.dtype}": ${manifest.modelId} has ${known.join(', ')}; auto chooses.`,
    );
  }
  const onDevices = request.device === 'auto' ? place.devices : [request.device];
  if (request.dtype !== 'auto') {
    const fitting = onDevices.filter(
      (device) =>
        request.device !== 'auto' || manifest.dtypes[request.dtype]?.devices.includes(device),
    );
    return [
      (fitting.length > 0 ? fitting : place.devices.slice(-1)).map((device) => ({
        device,
        dtype: request.dtype,
      })),
    ];
  }
  const roundsOf = (device: Device): Candidate[][] =>
    preferences[device].map((dtypes) =>
      dtypes
        .filter((dtype) => manifest.dtypes[dtype]?.devices.includes(device))
        .map((dtype) => ({ device, dtype })),
    );
  const byDevice = onDevices.map(roundsOf);
  const depth = Math.max(...byDevice.map((rounds) => rounds.length));
  const rounds = Array.from({ length: depth }, (_, round) =>
    byDevice.flatMap((device) => device[round] ?? []),
  ).filter((round) => round.length > 0);
  // A model with dtypes of other names still runs: all that it has for the device.
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

/** Whether a round is still needed: some candidate of it is for a device that no result is right on. */
export function isNeeded(round: readonly Candidate[], results: readonly ProbeResult[]): boolean {
  return round.some(
    ({ device }) => !results.some((result) => result.ok && result.candidate.device === device),
  );
}

/**
 * The right ones, fastest first: the first embeds, the others take over when it fails again and
 * again.
 */
export function ranked(results: readonly ProbeResult[]): readonly (ProbeResult & { ok: true })[] {
  return results
    .filter((result) => result.ok)
    .toSorted((a, b) => b.textsPerSecond - a.textsPerSecond);
}

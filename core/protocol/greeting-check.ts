// Decides whether a runner's greeting fits this gateway: the protocol, the model and the size of
// its jobs.

import { hasOtherIds } from '#core/model/older-tokenizer.ts';
import type { GoldenCase } from '#core/trust/golden.ts';
import { closeCode, protocolVersion, type RunnerHello } from './wire.ts';

export type ModelIdentity = {
  readonly modelId: string;
  readonly modelRevision: string;
  /** Other revisions that a runner may name. Absent: none. */
  readonly compatibleRevisions?: readonly string[];
  /** Revisions among them whose runners give other ids to texts of `hasOtherIds`. Absent: none. */
  readonly olderTokenizers?: readonly string[];
  /** The number of golden texts that check a revision's runners, the first ones. Absent: all. */
  readonly olderGoldenTexts?: Readonly<Record<string, number>>;
  readonly dimensions: number;
};

export type GreetingProblem = {
  readonly code: number;
  readonly reason: string;
  readonly blame: boolean;
};

/** `null` when the greeting fits; otherwise how to close the connection. */
export function greetingProblem(
  hello: RunnerHello,
  identity: ModelIdentity,
  goldenTexts: number,
): GreetingProblem | null {
  if (hello.protocol !== protocolVersion) {
    return badMessage(
      `The runner speaks protocol ${hello.protocol}; this gateway speaks ${protocolVersion}.`,
    );
  }
  for (const key of ['modelId', 'modelRevision', 'dimensions'] as const) {
    if (hello[key] === identity[key]) continue;
    if (key === 'modelRevision' && identity.compatibleRevisions?.includes(hello[key])) continue;
    const reason = `${key} is ${hello[key]}, not ${identity[key]}`;
    return { code: closeCode.modelMismatch, reason, blame: false };
  }
  const { textsPerJobMax } = hello.limits;
  if (textsPerJobMax < goldenTexts) {
    return badMessage(
      `The runner takes ${textsPerJobMax} texts per job; ` +
        `the golden check is one job of ${goldenTexts}.`,
    );
  }
  return null;
}

/** Whether the runner gives other ids to the texts of `hasOtherIds`. */
export function hasOlderTokenizer(hello: RunnerHello | null, identity: ModelIdentity): boolean {
  return hello !== null && identity.olderTokenizers?.includes(hello.modelRevision) === true;
}

/**
 * The golden texts that check this runner: those that its graphs were made for, and that its
 * tokenizer reads as this version does.
 */
export function goldenOf(
  hello: RunnerHello | null,
  identity: ModelIdentity,
  cases: readonly GoldenCase[],
): readonly GoldenCase[] {
  const asked = cases.slice(0, identity.olderGoldenTexts?.[hello?.modelRevision ?? '']);
  return hasOlderTokenizer(hello, identity)
    ? asked.filter(({ text }) => !hasOtherIds(text))
    : asked;
}

/** The number of golden texts that checked the oldest compatible graphs; `Infinity`: all. */
export const olderGoldenTexts = ({ olderGoldenTexts: counts = {} }: ModelIdentity): number =>
  Math.min(...Object.values(counts));

function badMessage(reason: string): GreetingProblem {
  return { code: closeCode.badMessage, reason, blame: true };
}

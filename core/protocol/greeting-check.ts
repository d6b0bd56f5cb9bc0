// Decides whether a runner's greeting fits this gateway: the protocol, the model and the size of
// its jobs.

import { closeCode, protocolVersion, type RunnerHello } from './wire.ts';

export type ModelIdentity = {
  readonly modelId: string;
  readonly modelRevision: string;
  /** Other revisions that a runner may name. Absent: none. */
  readonly compatibleRevisions?: readonly string[];
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

function badMessage(reason: string): GreetingProblem {
  return { code: closeCode.badMessage, reason, blame: true };
}

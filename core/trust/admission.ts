// Judges a runner's answer to all golden texts, before it gets any work.

import type { EmbedOutcome } from '#core/ports.ts';
import { agreementMin } from './agreement.ts';
import { goldenCosine, goldenVerdict, type GoldenBounds, type GoldenCase } from './golden.ts';

export type Admission = {
  /**
   * `older`: the runner is honest and has a graph of an older version, which was not checked by all
   * of these texts. It is not admitted, and not punished either.
   */
  readonly is: 'right' | 'older' | 'wrong';
  readonly reason: string;
  /** To the reference; `null`: a text was not embedded. */
  readonly cosine: { readonly mean: number; readonly min: number } | null;
};

export type AdmissionTerms = {
  readonly cases: readonly GoldenCase[];
  readonly bounds: GoldenBounds;
  /** The number of texts that checked older versions: the first of `cases`; `Infinity`: all. */
  readonly olderTexts: number;
};

/**
 * `outcomes`: one per golden text. A graph counts as older when it passes the older texts, and when
 * its other vectors are as near as two right ones must be.
 */
export function admissionOf(
  outcomes: readonly EmbedOutcome[],
  { cases, bounds, olderTexts }: AdmissionTerms,
): Admission {
  const unanswered = outcomes.findIndex(({ ok }) => !ok);
  if (unanswered !== -1) {
    const reason = `golden text ${unanswered + 1} of ${cases.length} was not embedded`;
    return { is: 'wrong', reason, cosine: null };
  }
  const cosines = cases.map((golden, index) => goldenCosine(outcomes[index], golden));
  const { ok, mean, min, message } = goldenVerdict(cosines, bounds);
  const cosine = { mean, min };
  if (ok) return { is: 'right', reason: message, cosine };
  const isOlder =
    olderTexts < cases.length &&
    goldenVerdict(cosines.slice(0, olderTexts), bounds).ok &&
    min >= agreementMin(bounds, bounds);
  if (!isOlder) return { is: 'wrong', reason: message, cosine };
  const reason =
    `its graph is of an older version: right on ${olderTexts} golden texts, ` +
    `least cosine ${min.toFixed(3)} on the others: update the runner`;
  return { is: 'older', reason, cosine };
}

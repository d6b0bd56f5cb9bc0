// Keeps what each runner did since the page was opened: how much it embedded from look to look, and
// how well it agreed with the reference.

import type { RunnerView } from './fleet-types.ts';

export type Look = {
  /** UTC ms. */
  readonly at: number;
  readonly textsEmbedded: number;
  readonly agreement: number | null;
};
export type Histories = ReadonlyMap<string, readonly Look[]>;

/** Two minutes of looks every two seconds. */
const looksMax = 61;

/** Adds a look at all runners; who is gone is forgotten. */
export function withLook(
  histories: Histories,
  runners: readonly Pick<RunnerView, 'id' | 'texts_embedded' | 'reference_cosine'>[],
  at: number,
): Histories {
  return new Map(
    runners.map(({ id, texts_embedded: textsEmbedded, reference_cosine: agreement }) => [
      id,
      [...(histories.get(id) ?? []), { at, textsEmbedded, agreement }].slice(-looksMax),
    ]),
  );
}

/** Texts a second between each two looks, oldest first. */
export const workOf = (looks: readonly Look[]): readonly number[] =>
  looks.slice(1).map(({ at, textsEmbedded }, index) => {
    const before = looks[index];
    const seconds = before === undefined ? 0 : (at - before.at) / 1000;
    return seconds <= 0 ? 0 : Math.max(0, textsEmbedded - (before?.textsEmbedded ?? 0)) / seconds;
  });

/** `0.9981 to 0.9990`, when it changed since the page was opened; `null` when it did not. */
export function agreementRange(looks: readonly Look[]): string | null {
  const known = looks.flatMap(({ agreement }) => agreement ?? []);
  const [least, most] = [Math.min(...known).toFixed(4), Math.max(...known).toFixed(4)];
  return known.length === 0 || least === most ? null : `${least} to ${most}`;
}

// What hostile runners know and send: the golden texts are public, and any vector can be sent.

import { fakeVector, golden } from '../../helpers/fake-model.ts';

const goldenTexts = new Set(golden.cases.map(({ text }) => text));

export const isGolden = (text: string): boolean => goldenTexts.has(text);
/** A unit vector that belongs to another text. */
export const wrongVector = (text: string): Float32Array => fakeVector(`not ${text}`);
/** Right for golden texts and wrong for all others. */
export const lieUnlessGolden = (text: string): Float32Array =>
  isGolden(text) ? fakeVector(text) : wrongVector(text);

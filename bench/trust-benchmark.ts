// Measures the rate that honest fleets lose to the checks of their work, once all runners are
// proven: golden texts in their jobs, and samples that a trusted runner embeds again.

import { lessThan, row, type Benchmark, type Row } from './benchmark.ts';
import { runCheckedFleet, type CheckedFleetFigures } from './checked-fleet.ts';
import { median } from './figures.ts';

/** Texts per second of their runners. */
type Fleet = { readonly trusted: readonly number[]; readonly untrusted: readonly number[] };
type Round = { readonly checked: CheckedFleetFigures; readonly unchecked: CheckedFleetFigures };

const fleets: readonly Fleet[] = [
  { trusted: [400], untrusted: [800, 300, 100, 40, 15] },
  { trusted: [50], untrusted: [80, 40, 15] },
];
const checkIntervalMs = 60_000;
const measureMs = 120_000;
const roundCount = 3;

export const trust: Benchmark = {
  name: 'trust',
  about: 'Rate that an honest, saturated fleet loses to checks after probation, in counted texts.',
  async run({ signal, isQuick }) {
    const rows: Row[] = [];
    for (const fleet of fleets) {
      const rounds: Round[] = [];
      for (let seed = 1; seed <= roundCount; seed++) {
        signal.throwIfAborted();
        rounds.push(await roundOf(fleet, isQuick ? measureMs / 10 : measureMs, seed));
      }
      rows.push(...rowsOf(fleet, rounds));
    }
    return rows;
  },
};

async function roundOf(
  { trusted, untrusted }: Fleet,
  measuredMs: number,
  seed: number,
): Promise<Round> {
  const common = { measureMs: measuredMs, seed };
  const checked = await runCheckedFleet({ trusted, untrusted, checkIntervalMs, ...common });
  const all = { trusted: [...trusted, ...untrusted], untrusted: [], checkIntervalMs: Infinity };
  return { checked, unchecked: await runCheckedFleet({ ...all, ...common }) };
}

function rowsOf({ trusted, untrusted }: Fleet, rounds: readonly Round[]): readonly Row[] {
  const middle = (of: (round: Round) => number): number => median(rounds.map(of));
  const rate = Math.round(middle(({ unchecked }) => unchecked.rate));
  const fleet = `${trusted.length + untrusted.length} runners, ${rate} texts/s`;
  const lost = middle(({ checked, unchecked }) => 1 - checked.rate / unchecked.rate);
  const golden = middle(({ checked }) => checked.goldenTexts / checked.texts);
  const samples = middle(({ checked }) => checked.samples / checked.texts);
  const processor = middle(
    ({ checked, unchecked }) => checked.processorMicros - unchecked.processorMicros,
  );
  const probation = middle(({ checked }) => checked.probationSeconds);
  return [
    row(`${fleet}: lost`, 100 * lost, '%', lessThan(3)),
    row(`${fleet}: golden texts`, 100 * golden, '%'),
    row(`${fleet}: samples`, 100 * samples, '%'),
    row(`${fleet}: processor time that checks add in the hub`, processor, 'µs/text'),
    row(`${fleet}: until all are proven`, probation, 's'),
  ];
}

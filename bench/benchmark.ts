// The contract of a benchmark: it gets a folder to work in, and returns rows of figures.

export type Target = { readonly bound: 'at least' | 'less than'; readonly value: number };

export type Row = {
  readonly measure: string;
  readonly value: number;
  readonly unit: string;
  /** `null` for a figure that is only shown. */
  readonly target: Target | null;
};

export type BenchmarkContext = {
  /** An empty folder for this benchmark alone. It is removed afterwards. */
  readonly folder: string;
  /** The folder of the project whose gateway is measured. */
  readonly program: string;
  /** Do a tenth of the work; the figures are rough. */
  readonly isQuick: boolean;
  /** Where CPU profiles of gateway and runners are written; `null` for none. */
  readonly profileFolder: string | null;
  readonly signal: AbortSignal;
  /** Shows one line on what the benchmark does now. */
  readonly say: (line: string) => void;
};

export type Benchmark = {
  readonly name: string;
  /** One sentence on what it measures. */
  readonly about: string;
  /** Rejects with the signal's reason when that aborts. Leaves no process behind. */
  readonly run: (context: BenchmarkContext) => Promise<readonly Row[]>;
};

export const row = (
  measure: string,
  value: number,
  unit: string,
  target: Target | null = null,
): Row => ({ measure, value, unit, target });

export const atLeast = (value: number): Target => ({ bound: 'at least', value });
export const lessThan = (value: number): Target => ({ bound: 'less than', value });

export function isMet({ value, target }: Row): boolean {
  return (
    target === null || (target.bound === 'at least' ? value >= target.value : value < target.value)
  );
}

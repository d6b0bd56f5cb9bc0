// Accounts for every line of the log: what was sent, what was turned away and why. Its memory is
// bounded for any number of lines.

import { count } from '../progress-bar.ts';
import { printable } from './printable.ts';

const reasonsMax = 100;
const linesShownMax = 5;
const sampleCharactersMax = 160;

/** `lines` lines, starting at `line`, that make no event. */
export type TurnedAwayRow = {
  readonly line: number;
  readonly lines: number;
  readonly reason: string;
  readonly detail: string;
  readonly sample: string;
};
export type ReasonCount = {
  readonly reason: string;
  readonly rows: number;
  readonly first_lines: readonly number[];
  readonly detail: string;
  readonly sample: string;
};

/** `lines` = header + empty + accepted + already + turned_away + not_sent, always. */
export type LineAccount = {
  readonly lines: {
    readonly read: number;
    readonly header: number;
    readonly empty: number;
    readonly accepted: number;
    readonly already: number;
    readonly turned_away: number;
    readonly not_sent: number;
  };
  /** A row may span several lines. */
  readonly rows: {
    readonly read: number;
    readonly accepted: number;
    readonly already: number;
    readonly turned_away: number;
    readonly not_sent: number;
  };
  readonly turned_away: readonly ReasonCount[];
};

type Kind = 'accepted' | 'already' | 'turned_away' | 'queued';
type Span = { readonly lines: number };

export class Report {
  #linesRead = 0;
  readonly #lines = { header: 0, empty: 0, accepted: 0, already: 0, turned_away: 0, queued: 0 };
  readonly #rows = { accepted: 0, already: 0, turned_away: 0, queued: 0 };
  readonly #reasons = new Map<
    string,
    { rows: number; first: number[]; detail: string; sample: string }
  >();
  readonly #each: (row: TurnedAwayRow) => void;

  /** `each` is called with every turned-away row. */
  constructor(each: (row: TurnedAwayRow) => void) {
    this.#each = each;
  }

  read(span: Span): void {
    this.#linesRead += span.lines;
  }
  header(span: Span): void {
    this.#lines.header += span.lines;
  }
  empty(span: Span): void {
    this.#lines.empty += span.lines;
  }
  /** The row waits to be sent; it ends as accepted, turned away or not sent. */
  queued(span: Span): void {
    this.#count('queued', span, 1);
  }
  /** The row was acknowledged in an earlier run. */
  already(span: Span): void {
    this.#count('already', span, 1);
  }

  accepted(span: Span): void {
    this.#count('queued', span, -1);
    this.#count('accepted', span, 1);
  }

  refused(row: TurnedAwayRow): void {
    this.#count('queued', row, -1);
    this.turnedAway(row);
  }

  turnedAway(row: TurnedAwayRow): void {
    this.#count('turned_away', row, 1);
    const reason =
      this.#reasons.has(row.reason) || this.#reasons.size < reasonsMax
        ? row.reason
        : 'other reasons';
    const short = {
      ...row,
      sample: row.sample.slice(0, sampleCharactersMax),
      detail: row.detail.slice(0, sampleCharactersMax),
    };
    const entry = this.#reasons.get(reason) ?? {
      rows: 0,
      first: [],
      detail: short.detail,
      sample: short.sample,
    };
    entry.rows += 1;
    if (entry.first.length < linesShownMax) entry.first.push(row.line);
    this.#reasons.set(reason, entry);
    this.#each(short);
  }

  rowsRead(): number {
    const { accepted, already, turned_away: away, queued } = this.#rows;
    return accepted + already + away + queued;
  }

  account(): LineAccount {
    const { queued: lines, ...lineKinds } = this.#lines;
    const { queued: rows, ...rowKinds } = this.#rows;
    return {
      lines: { read: this.#linesRead, ...lineKinds, not_sent: lines },
      rows: { read: this.rowsRead(), ...rowKinds, not_sent: rows },
      turned_away: [...this.#reasons]
        .toSorted(([, a], [, b]) => b.rows - a.rows)
        .map(([reason, { rows: number, first, detail, sample }]) => ({
          reason,
          rows: number,
          first_lines: first,
          detail,
          sample,
        })),
    };
  }

  #count(kind: Kind, span: Span, sign: 1 | -1): void {
    this.#rows[kind] += sign;
    this.#lines[kind] += sign * span.lines;
  }
}

/** The account for a terminal. `imported` is the word for accepted lines. */
export function reportText(account: LineAccount, imported: string): string {
  const { lines, rows } = account;
  const parts = [
    `${count(lines.header)} header`,
    `${count(lines.accepted)} ${imported}`,
    ...(lines.already > 0 ? [`${count(lines.already)} imported by an earlier run`] : []),
    `${count(lines.turned_away)} turned away`,
    ...(lines.empty > 0 ? [`${count(lines.empty)} empty`] : []),
    ...(lines.not_sent > 0 ? [`${count(lines.not_sent)} not sent`] : []),
  ];
  const table = account.turned_away.flatMap(
    ({ reason, rows: number, first_lines: first, detail }) => [
      `  ${count(number).padStart(9)}  ${reason}`,
      [
        `             line${first.length === 1 ? '' : 's'} ${first.join(', ')}`,
        `${number > first.length ? ', …' : ''}; got ${printable(detail).slice(0, 100)}`,
      ].join(''),
    ],
  );
  const isLinePerRow = lines.read === rows.read + lines.header + lines.empty;
  const note = isLinePerRow ? '' : ` (${count(rows.read)} rows)`;
  return [
    `${count(lines.read)} lines = ${parts.join(' + ')}${note}`,
    ...(table.length > 0 ? ['Turned away:', ...table] : []),
  ].join('\n');
}

// Evaluates a PromQL expression on real scrapes: enough of the language for the alert rules.
//
// Supported: numbers, selectors with matchers and ranges, rate, increase, max_over_time, absent,
// time, histogram_quantile, sum/min/max/count by, + - * /, comparisons, and/or/unless.

import { at as item } from '#core/errors/assert.ts';

type Labels = ReadonlyMap<string, string>;
type Sample = { readonly labels: Labels; readonly value: number };
/** One scrape: when (seconds), and its samples. The metric's name is the label `__name__`. */
export type Scrape = { readonly at: number; readonly samples: readonly Sample[] };
type Vector = readonly Sample[];
type Value = number | Vector;

/** @param target labels that Prometheus adds, such as `instance` */
export function scrapeOf(text: string, at: number, target: Record<string, string>): Scrape {
  const samples = text.split('\n').flatMap((line): readonly Sample[] => {
    const [, name, labels = '', value] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    const given = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, label = '', of = '']) => [label, of] as const,
    );
    const entries = [['__name__', name] as const, ...given, ...Object.entries(target)];
    return [{ labels: new Map(entries), value: Number(value.replace('Inf', 'Infinity')) }];
  });
  return { at, samples };
}

/** What a rule of this expression fires for at the last scrape: its samples. */
export function evaluate(expression: string, scrapes: readonly Scrape[]): Vector {
  const parser = new Evaluator(tokensOf(expression), scrapes);
  const value = parser.whole();
  return typeof value === 'number' ? [{ labels: new Map(), value }] : value;
}

function tokensOf(expression: string): readonly string[] {
  const pattern =
    /"(?:[^"\\]|\\.)*"|[\w:]+(?:\.\d+)?(?:e[+-]?\d+)?|==|!=|>=|<=|=~|!~|[-+*/<>=(){}[\],]/g;
  return expression.match(pattern) ?? [];
}

const aggregations = ['sum', 'min', 'max', 'count'] as const;
const operators: readonly (readonly string[])[] = [
  ['or'],
  ['and', 'unless'],
  ['==', '!=', '>', '<', '>=', '<='],
  ['+', '-'],
  ['*', '/'],
];
const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

class Evaluator {
  readonly #tokens: readonly string[];
  readonly #scrapes: readonly Scrape[];
  #next = 0;

  constructor(tokens: readonly string[], scrapes: readonly Scrape[]) {
    this.#tokens = tokens;
    this.#scrapes = scrapes;
  }

  whole(): Value {
    const value = this.#binary(0);
    if (this.#next < this.#tokens.length) throw new Error(`unexpected ${this.#peek()}`);
    return value;
  }

  #peek(): string {
    return this.#tokens[this.#next] ?? '';
  }

  #take(expected?: string): string {
    const token = this.#peek();
    if (expected !== undefined && token !== expected)
      throw new Error(`${expected} expected, got ${token}`);
    this.#next += 1;
    return token;
  }

  #binary(level: number): Value {
    const words = operators[level];
    if (words === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    while (words.includes(this.#peek()))
      left = combined(left, this.#take(), this.#binary(level + 1));
    return left;
  }

  #unary(): Value {
    const token = this.#take();
    if (token === '(') {
      const value = this.#binary(0);
      this.#take(')');
      return value;
    }
    if (/^\d/.test(token)) return Number(token);
    if (aggregations.some((name) => name === token)) return this.#aggregation(token);
    return this.#peek() === '(' ? this.#call(token) : this.#selector(token);
  }

  #aggregation(name: string): Value {
    const by: string[] = [];
    if (this.#peek() === 'by') {
      this.#take();
      this.#take('(');
      while (this.#peek() !== ')')
        if (this.#take() !== ',') by.push(item(this.#tokens, this.#next - 1));
      this.#take(')');
    }
    this.#take('(');
    const value = this.#binary(0);
    this.#take(')');
    return aggregated(name, vectorOf(value), by);
  }

  #call(name: string): Value {
    this.#take('(');
    if (name === 'time') {
      this.#take(')');
      return item(this.#scrapes, this.#scrapes.length - 1).at;
    }
    if (name === 'histogram_quantile') {
      const q = Number(this.#take());
      this.#take(',');
      const value = quantiles(q, vectorOf(this.#binary(0)));
      this.#take(')');
      return value;
    }
    if (name === 'absent') {
      const found = vectorOf(this.#binary(0));
      this.#take(')');
      return found.length === 0 ? [{ labels: new Map(), value: 1 }] : [];
    }
    const value = this.#overTime(name, this.#take());
    this.#take(')');
    return value;
  }

  #overTime(name: string, metric: string): Vector {
    const matchers = this.#matchers(metric);
    this.#take('[');
    const [, amount = '', unit = ''] = /^(\d+)([smhd])$/.exec(this.#take()) ?? [];
    this.#take(']');
    const last = item(this.#scrapes, this.#scrapes.length - 1).at;
    const from = last - Number(amount) * (units[unit] ?? 0);
    const series = new Map<string, { labels: Labels; points: { at: number; value: number }[] }>();
    for (const { at, samples } of this.#scrapes.filter((scrape) => scrape.at >= from))
      for (const { labels, value } of samples.filter((sample) => matchers(sample.labels))) {
        const one = series.get(keyOf(labels)) ?? { labels, points: [] };
        series.set(keyOf(labels), one);
        one.points.push({ at, value });
      }
    return [...series.values()].flatMap(({ labels, points }) => {
      const value = overTime(name, points);
      return value === null ? [] : [{ labels: without(labels, '__name__'), value }];
    });
  }

  #selector(metric: string): Vector {
    const matchers = this.#matchers(metric);
    const scrape = item(this.#scrapes, this.#scrapes.length - 1);
    return scrape.samples.filter(({ labels }) => matchers(labels));
  }

  #matchers(metric: string): (labels: Labels) => boolean {
    const tests = [(labels: Labels) => labels.get('__name__') === metric];
    if (this.#peek() !== '{') return item(tests, 0);
    this.#take('{');
    while (this.#peek() !== '}') {
      const label = this.#take();
      const operator = this.#take();
      const text = this.#take().slice(1, -1);
      const whole = new RegExp(`^(?:${text})$`);
      const matches = (value: string): boolean =>
        operator.endsWith('~') ? whole.test(value) : value === text;
      tests.push((labels) => matches(labels.get(label) ?? '') !== operator.startsWith('!'));
      if (this.#peek() === ',') this.#take();
    }
    this.#take('}');
    return (labels) => tests.every((test) => test(labels));
  }
}

function overTime(
  name: string,
  points: readonly { readonly at: number; readonly value: number }[],
): number | null {
  if (name === 'max_over_time') return Math.max(...points.map(({ value }) => value));
  if (name !== 'rate' && name !== 'increase') throw new Error(`${name} is not supported`);
  if (points.length < 2) return null;
  let grown = 0;
  for (const [index, { value }] of points.slice(1).entries()) {
    const before = item(points, index).value;
    grown += value < before ? value : value - before;
  }
  const seconds = item(points, points.length - 1).at - item(points, 0).at;
  return name === 'rate' ? grown / seconds : grown;
}

function aggregated(name: string, vector: Vector, by: readonly string[]): Vector {
  const groups = new Map<string, { labels: Labels; values: number[] }>();
  for (const { labels, value } of vector) {
    const kept = new Map(by.flatMap((label) => [[label, labels.get(label) ?? '']] as const));
    const group = groups.get(keyOf(kept)) ?? { labels: kept, values: [] };
    groups.set(keyOf(kept), group);
    group.values.push(value);
  }
  return [...groups.values()].map(({ labels, values }) => ({
    labels,
    value:
      name === 'sum'
        ? values.reduce((sum, value) => sum + value, 0)
        : name === 'count'
          ? values.length
          : name === 'min'
            ? Math.min(...values)
            : Math.max(...values),
  }));
}

/** As Prometheus: linear within the bucket; the highest bound for the last one. */
function quantiles(q: number, buckets: Vector): Vector {
  const groups = new Map<string, { labels: Labels; bounds: { le: number; count: number }[] }>();
  for (const { labels, value } of buckets) {
    const rest = without(without(labels, 'le'), '__name__');
    const group = groups.get(keyOf(rest)) ?? { labels: rest, bounds: [] };
    groups.set(keyOf(rest), group);
    const le = labels.get('le') ?? '';
    group.bounds.push({ le: le === '+Inf' ? Infinity : Number(le), count: value });
  }
  return [...groups.values()].map(({ labels, bounds }) => {
    const sorted = bounds.toSorted((a, b) => a.le - b.le);
    const total = sorted.at(-1)?.count ?? 0;
    const index = sorted.findIndex(({ count }) => count >= q * total);
    const { le, count } = item(sorted, index);
    const below = sorted[index - 1] ?? { le: 0, count: 0 };
    const value =
      le === Infinity
        ? below.le
        : below.le + ((le - below.le) * (q * total - below.count)) / (count - below.count);
    return { labels, value: total === 0 ? NaN : value };
  });
}

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};
const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
};

function combined(left: Value, operator: string, right: Value): Value {
  const compute = arithmetic[operator];
  if (typeof left === 'number' && typeof right === 'number' && compute !== undefined)
    return compute(left, right);
  const [a, b] = [vectorOf(left), vectorOf(right)];
  const partner = ({ labels }: Sample): Sample | undefined =>
    typeof right === 'number'
      ? { labels, value: right }
      : b.find((other) => matchKey(other.labels) === matchKey(labels));
  if (operator === 'and') return a.filter((sample) => partner(sample) !== undefined);
  if (operator === 'unless') return a.filter((sample) => partner(sample) === undefined);
  if (operator === 'or') {
    const held = new Set(a.map(({ labels }) => matchKey(labels)));
    return [...a, ...b.filter(({ labels }) => !held.has(matchKey(labels)))];
  }
  if (typeof left === 'number')
    return b.map(({ labels, value }) => ({ labels, value: compute?.(left, value) ?? NaN }));
  const holds = comparisons[operator];
  return a.flatMap((sample) => {
    const other = partner(sample);
    if (other === undefined) return [];
    if (holds !== undefined) return holds(sample.value, other.value) ? [sample] : [];
    const labels = without(sample.labels, '__name__');
    return [{ labels, value: compute?.(sample.value, other.value) ?? NaN }];
  });
}

const vectorOf = (value: Value): Vector =>
  typeof value === 'number' ? [{ labels: new Map(), value }] : value;

const without = (labels: Labels, label: string): Labels =>
  new Map([...labels].filter(([name]) => name !== label));

const keyOf = (labels: Labels): string =>
  JSON.stringify([...labels].toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** Two samples match when all labels but the name agree. */
const matchKey = (labels: Labels): string => keyOf(without(labels, '__name__'));

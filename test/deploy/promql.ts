// Finds the series and labels that a PromQL expression queries: enough to compare it with what is
// exposed.

export type Asked = { readonly metric: string; readonly labels: readonly string[] };
export type Query = {
  /** Every selector: `name{label="…"}`. */
  readonly selectors: readonly Asked[];
  /** Labels of `by (…)`, `without (…)`, `on (…)` and the like. */
  readonly grouping: readonly string[];
};

const grouping = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const words = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);

/** `sum by (le) (rate(a_bucket{x="1"}[1m])) > 2` → selectors [a_bucket by x], grouping [le]. */
export function parseQuery(expression: string): Query {
  // Strings may contain anything, so their contents are removed first.
  const bare = expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const grouped = [...bare.matchAll(grouping)].flatMap((match) =>
    (match[1] ?? '')
      .split(',')
      .map((label) => label.trim())
      .filter((label) => label !== ''),
  );
  const selectors: Asked[] = [];
  const rest = bare.replaceAll(grouping, ' ').replaceAll(/\[[^\]]*\]/g, ' ');
  for (const { 1: metric = '', 2: matchers = '', index, 0: whole } of rest.matchAll(
    /([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?/g,
  )) {
    const isFunction =
      rest
        .slice(index + whole.length)
        .trimStart()
        .startsWith('(') && matchers === '';
    const isNumber = /[\d.]$/.test(rest.slice(0, index));
    if (
      isFunction ||
      isNumber ||
      words.has(metric.toLowerCase()) ||
      /^(sum|min|max|avg|count)$/.test(metric)
    )
      continue;
    selectors.push({
      metric,
      labels: [...matchers.matchAll(/([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)/g)].map(
        (match) => match[1] ?? '',
      ),
    });
  }
  return { selectors, grouping: grouped };
}

/** Label names by series, from the text of a `/metrics`. */
export function parseExposition(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const series = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const [, name, labels = ''] = /^([a-zA-Z_:][\w:]*)(\{.*\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = series.get(name) ?? new Set();
    series.set(name, known);
    for (const label of labels.matchAll(/[{,](\w+)="/g)) known.add(label[1] ?? '');
  }
  return series;
}

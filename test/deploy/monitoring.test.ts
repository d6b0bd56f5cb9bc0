// Checks that dashboards and alerts use only exposed metrics, and that docs/operations.md explains
// every alert.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseManifest } from '#core/model/model-manifest.ts';
import { Telemetry } from '../../gateway/telemetry/metrics/metrics.ts';
import { compose, read, root, service } from './compose-file.ts';
import { parseExposition, parseQuery } from './promql.ts';
import { quiet } from './quiet-gateway.ts';

const telemetry = new Telemetry();
telemetry.storeWrite(0.01);
const levels = {
  ...quiet,
  lag: [{ topic: 'events', partition: 0, lag: 1 }],
  certificateExpiresAt: 0,
  runners: [
    {
      id: 'a',
      name: 'a',
      device: 'cpu',
      state: 'ready',
      inProbation: true,
      textsPerSecond: 1,
      textsEmbedded: 1,
    },
  ],
};
const gatewaySeries = parseExposition((await telemetry.exposition(levels)).body);
const qdrantSeries = parseExposition(read('test/deploy/qdrant-metrics.txt'));
/** The series that Prometheus itself creates. */
const ownSeries = new Map([
  ['up', new Set<string>()],
  ['ALERTS', new Set(['alertname', 'alertstate'])],
]);
const series = new Map([...gatewaySeries, ...qdrantSeries, ...ownSeries]);
/** Prometheus adds these labels to everything that it scrapes. */
const targetLabels = ['instance', 'job'];

const gridSchema = z.object({
  x: z.int().min(0),
  y: z.int().min(0),
  w: z.int().min(1).max(24),
  h: z.int().min(1),
});
const panelSchema = z.object({
  id: z.int(),
  type: z.enum(['row', 'stat', 'timeseries', 'table']),
  title: z.string().min(1),
  gridPos: gridSchema,
  description: z.string().optional(),
  datasource: z.object({ uid: z.string() }).optional(),
  fieldConfig: z.object({ defaults: z.object({ unit: z.string().min(1) }) }).optional(),
  targets: z
    .array(
      z.object({
        refId: z.string(),
        expr: z.string(),
        legendFormat: z.string(),
        datasource: z.object({ uid: z.string() }),
      }),
    )
    .default([]),
});
const dashboardSchema = z.object({
  uid: z.string(),
  title: z.string(),
  description: z.string().min(20),
  panels: z.array(panelSchema),
  annotations: z.object({ list: z.tuple([z.object({ name: z.string(), expr: z.string() })]) }),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), query: z.object({ query: z.string() }) })),
  }),
});
const rulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[sm]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.strictObject({
            summary: z.string(),
            description: z.string(),
            runbook_url: z.string(),
          }),
        }),
      ),
    }),
  ),
});

const folder = 'deploy/grafana/dashboards';
const files = readdirSync(join(root, folder));
const dashboards = files.map((file) =>
  dashboardSchema.parse(JSON.parse(read(`${folder}/${file}`))),
);
const rules = rulesSchema
  .parse(parse(read('deploy/prometheus/alerts.yml')))
  .groups.flatMap((group) => group.rules);

const labelsOf = (metric: string): readonly string[] => [
  ...targetLabels,
  ...(series.get(metric) ?? []),
];
const expressionsOf = ({ panels }: z.infer<typeof dashboardSchema>): readonly string[] =>
  panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** The series and labels of an expression that nothing exposes, one message each. */
function unknownIn(expression: string): readonly string[] {
  const { selectors, grouping } = parseQuery(expression);
  return [
    ...(selectors.length === 0 ? [`no series in ${expression}`] : []),
    ...selectors
      .filter(({ metric }) => !series.has(metric))
      .map(({ metric }) => `${metric} in ${expression}`),
    ...selectors.flatMap(({ metric, labels }) =>
      labels
        .filter((label) => !labelsOf(metric).includes(label))
        .map((label) => `${metric}{${label}} in ${expression}`),
    ),
    ...grouping
      .filter((label) => !selectors.some(({ metric }) => labelsOf(metric).includes(label)))
      .map((label) => `by (${label}) in ${expression}`),
  ];
}

describe('a PromQL expression', () => {
  test('is parsed into its series and labels', () => {
    expect(
      parseQuery(
        'histogram_quantile(0.95, sum by (le, x) (rate(a_bucket{job="b{c}", d!~"e"}[1m]))) ' +
          '> 1e3 and count(f) == 0',
      ),
    ).toEqual({
      selectors: [
        { metric: 'a_bucket', labels: ['job', 'd'] },
        { metric: 'f', labels: [] },
      ],
      grouping: ['le', 'x'],
    });
  });

  test('is refused for a series, a matcher or a grouping that nothing exposes', () => {
    expect(unknownIn('rate(vectorstream_no_such_total[1m])')).toHaveLength(1);
    expect(unknownIn('vectorstream_consumer_lag{broker="x"}')).toHaveLength(1);
    expect(unknownIn('sum by (broker) (vectorstream_consumer_lag)')).toHaveLength(1);
    expect(unknownIn('1 > 0')).toHaveLength(1);
  });
});

describe('the dashboards', () => {
  test('cover pipeline, fleet, Kafka lag and Qdrant, and lie where Grafana looks for them', () => {
    expect(files.toSorted()).toEqual([
      'fleet.json',
      'kafka-lag.json',
      'pipeline.json',
      'qdrant.json',
    ]);
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(4);
    const provider = z.object({
      providers: z.array(z.object({ options: z.object({ path: z.string() }) })),
    });
    const [{ options: { path } } = { options: { path: '' } }] = provider.parse(
      parse(read('deploy/grafana/provisioning/dashboards/vectorstream.yml')),
    ).providers;
    expect(service('grafana').volumes).toContain(`./${folder}:${path}:ro`);
    expect(service('grafana').environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).toBe(
      `${path}/pipeline.json`,
    );
  });

  test.each(dashboards)('$title queries only exposed metrics', (dashboard) => {
    const { panels, templating } = dashboard;
    const expressions = [
      ...expressionsOf(dashboard),
      ...templating.list.map(
        ({ query: { query } }) => /^label_values\((.*), instance\)$/.exec(query)?.[1] ?? query,
      ),
    ];
    expect(expressions.length).toBeGreaterThan(10);
    expect(expressions.flatMap(unknownIn)).toEqual([]);
    const legends = panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr, legendFormat }) =>
        [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map((match) => ({
          label: match[1] ?? '',
          expr,
        })),
      ),
    );
    expect(
      legends.filter(
        ({ label, expr }) =>
          !parseQuery(expr).selectors.some(({ metric }) => labelsOf(metric).includes(label)),
      ),
    ).toEqual([]);
  });

  test.each(dashboards)(
    '$title describes every panel, with its unit, and uses the provisioned data source',
    ({ panels }) => {
      const shown = panels.filter(({ type }) => type !== 'row');
      expect(
        shown
          .filter(
            ({ description, fieldConfig, targets }) =>
              (description ?? '').length < 10 || fieldConfig === undefined || targets.length === 0,
          )
          .map(({ title }) => title),
      ).toEqual([]);
      const { datasources } = z
        .object({ datasources: z.array(z.object({ uid: z.string() })) })
        .parse(parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')));
      expect(
        new Set(
          shown.flatMap(({ datasource, targets }) => [
            datasource?.uid,
            ...targets.map((target) => target.datasource.uid),
          ]),
        ),
      ).toEqual(new Set(datasources.map(({ uid }) => uid)));
    },
  );

  test.each(dashboards)(
    '$title fits its panels into the grid, without overlaps or gaps',
    ({ panels }) => {
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
      );
      expect(new Set(cells).size).toBe(cells.length);
      expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
      const height = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h));
      expect(cells.length).toBe(height * 24);
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    },
  );

  test('together show every metric of the gateway', () => {
    const asked = new Set(
      dashboards
        .flatMap(expressionsOf)
        .flatMap((expr) => parseQuery(expr).selectors.map(({ metric }) => metric)),
    );
    const measures = [...gatewaySeries.keys()].filter(
      (name) => name.startsWith('vectorstream_') && !/_seconds_(sum|count)$/.test(name),
    );
    expect(measures.filter((name) => !asked.has(name))).toEqual([]);
  });
});

describe('the dashboards, too,', () => {
  test('mark in every graph when an alert was firing', () => {
    for (const { annotations } of dashboards)
      expect(annotations.list[0].expr).toBe('ALERTS{alertstate="firing"}');
  });
});

describe('the alerts', () => {
  test('query only exposed metrics', () => {
    expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
  });

  test('cover lag, errors, runners, latency, circuits and the parts themselves', () => {
    const asked = new Set(
      rules.flatMap(({ expr }) => parseQuery(expr).selectors.map(({ metric }) => metric)),
    );
    expect([...asked]).toEqual(
      expect.arrayContaining([
        'vectorstream_consumer_lag',
        'vectorstream_events_dead_lettered_total',
        'vectorstream_runner_count',
        'vectorstream_event_to_searchable_seconds_bucket',
        'vectorstream_circuit_state',
        'vectorstream_runner_reference_cosine',
        'up',
      ]),
    );
    expect(service('prometheus').volumes).toContain(
      './deploy/prometheus/alerts.yml:/etc/prometheus/alerts.yml:ro',
    );
    expect(read('deploy/prometheus/prometheus.yml')).toContain(
      'rule_files: [/etc/prometheus/alerts.yml]',
    );
  });

  test('name jobs that Prometheus scrapes', () => {
    const queries = [...rules.map(({ expr }) => expr), ...dashboards.flatMap(expressionsOf)];
    const jobs = new Set(
      queries.flatMap((query) =>
        [...query.matchAll(/job="([^"]+)"/g)].map((match) => match[1] ?? ''),
      ),
    );
    expect(
      [...jobs].filter(
        (job) => !read('deploy/prometheus/prometheus.yml').includes(`job_name: ${job}\n`),
      ),
    ).toEqual([]);
    expect([...jobs].filter((job) => !(job in compose.services))).toEqual([]);
  });

  test('report wrong vectors below the loosest bound of the shipped model', () => {
    const manifest = parseManifest(read('models/all-MiniLM-L6-v2/manifest.json'));
    const bound = Math.min(
      ...Object.values(manifest.dtypes).map(({ goldenMeanMin }) => goldenMeanMin),
    );
    expect(rules.find(({ alert }) => alert === 'RunnerVectorsOff')?.expr).toMatch(
      new RegExp(`< ${bound}$`),
    );
    expect(read('docs/operations.md').replaceAll(/\s+/g, ' ')).toContain(
      `loosest bound of the model's dtypes (${bound})`,
    );
  });

  test('are all explained in docs/operations.md, with what to do', () => {
    const headings = [...read('docs/operations.md').matchAll(/^### (\w+)$/gm)].map(
      (match) => match[1] ?? '',
    );
    expect(rules.map(({ alert }) => alert)).toEqual(
      headings.filter((heading) => rules.some(({ alert }) => alert === heading)),
    );
    expect(
      rules.filter(
        ({ alert, annotations }) =>
          annotations.runbook_url !== `{{ $externalLabels.runbooks }}#${alert.toLowerCase()}`,
      ),
    ).toEqual([]);
  });
});

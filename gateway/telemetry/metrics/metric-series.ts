// Makes the Prometheus series of the gateway: one registry, one prefix, and one set of buckets.

import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export class MetricSeries {
  readonly registry = new Registry();

  counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter(this.#named(name, help, labelNames));
  }

  gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge(this.#named(name, help, labelNames));
  }

  /** A histogram of durations in seconds. */
  histogram<L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> {
    return new Histogram({ ...this.#named(name, help, labelNames), buckets: secondsBuckets });
  }

  #named<L extends string>(name: string, help: string, labelNames: readonly L[]) {
    return {
      name: `vectorstream_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
    };
  }
}

/** Labels take only values of a fixed list: what a peer sends must not create series. */
export function bounded<V extends string>(values: readonly V[], value: string, otherwise: V): V {
  return values.find((candidate) => candidate === value) ?? otherwise;
}

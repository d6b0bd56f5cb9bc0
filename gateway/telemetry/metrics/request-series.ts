// Counts and times the requests of the API, and the searches among them by their stages.

import type { MetricSeries } from './metric-series.ts';

const statusClasses = ['2xx', '4xx', '5xx'] as const;
const searchResults = ['hits', 'none', 'unavailable', 'failed'] as const;
const searchStages = ['embed', 'store'] as const;
/** The route of a request to a path that does not exist. */
const noRoute = 'none';
const searchRoute = 'POST /search';

export class RequestSeries {
  readonly #requests;
  readonly #seconds;
  readonly #searches;
  readonly #searchSeconds;
  /** Requests for other paths must not create series. */
  readonly #routes = new Set<string>([noRoute]);

  constructor(series: MetricSeries) {
    this.#requests = series.counter(
      'http_requests_total',
      'Answered requests by route and class of status.',
      ['route', 'status'],
    );
    this.#seconds = series.histogram(
      'http_request_seconds',
      'From a request to the begin of its answer.',
      ['route'],
    );
    this.#searches = series.counter(
      'searches_total',
      'Searches: with hits, with none, unavailable (503: no runner or no store in time), failed.',
      ['result'],
    );
    this.#searchSeconds = series.histogram(
      'search_seconds',
      'The stages of an answered search: the vector of its query (embed), and the store.',
      ['stage'],
    );
    this.#start(noRoute);
    // The first request makes every other series: together they are a thousand.
    this.#seconds.zero({ route: searchRoute });
    for (const result of searchResults) this.#searches.inc({ result }, 0);
    for (const stage of searchStages) this.#searchSeconds.zero({ stage });
  }

  /** The routes of the API, such as `GET /events/{id}`. */
  routes(routes: readonly string[]): void {
    for (const route of routes) this.#start(route);
  }

  answered(route: string, status: number, seconds: number): void {
    const known = this.#routes.has(route) ? route : noRoute;
    const isOk = status < 400;
    this.#requests.inc({ route: known, status: isOk ? '2xx' : status < 500 ? '4xx' : '5xx' });
    this.#seconds.observe({ route: known }, seconds);
    if (route === searchRoute && status >= 500)
      this.#searches.inc({ result: status === 503 ? 'unavailable' : 'failed' });
  }

  searched(embedSeconds: number, storeSeconds: number, hits: number): void {
    this.#searches.inc({ result: hits === 0 ? 'none' : 'hits' });
    this.#searchSeconds.observe({ stage: 'embed' }, embedSeconds);
    this.#searchSeconds.observe({ stage: 'store' }, storeSeconds);
  }

  #start(route: string): void {
    this.#routes.add(route);
    for (const status of statusClasses) this.#requests.inc({ route, status }, 0);
  }
}

// A double of the live feed that runs within a page: it sends messages much faster than a gateway,
// each with the time of a slow one.

/** Give it to `page.evaluateOnNewDocument`. Counts in `data-messages` of the page's root. */
export function repeatFeed(stats: unknown): void {
  const fetchReally = window.fetch.bind(window);
  const startedAt = Date.now();
  let sent = 0;
  const messageOf = (count: number): object => {
    const id = `f-${count}`;
    const at = new Date(startedAt + count * 100).toISOString();
    if (count === 0) return { type: 'hello', id, topics: [], resumed: false, heartbeat_ms: 15_000 };
    if (count % 10 === 0) return { type: 'stats', id, at, data: stats };
    const name = `Lantern number ${count}`;
    if (count % 3 === 0) {
      const runner = { id, name, state: count % 2 === 0 ? 'ready' : 'proving' };
      return { type: 'runner', id, at, data: { change: 'changed', runner } };
    }
    // So long that a page which keeps messages soon shows it.
    const product = { id, name, description: name.padEnd(2000, '.') };
    const event = { event_id: id, event_type: 'view', product };
    return { type: 'sample', id, at, data: { event, latency_ms: 5, skipped: 0 } };
  };
  const feed = (): Response => {
    const { port1, port2 } = new MessageChannel();
    const body = new ReadableStream<Uint8Array>({
      // A task for each message: the page draws in between.
      async pull(controller) {
        await new Promise((taken) => {
          port1.addEventListener('message', taken, { once: true });
          port1.start();
          port2.postMessage(null);
        });
        const message = JSON.stringify(messageOf(sent));
        controller.enqueue(new TextEncoder().encode(`id: f-${sent}\ndata: ${message}\n\n`));
        sent += 1;
        document.documentElement.dataset['messages'] = String(sent);
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
  window.fetch = (input, init) =>
    String(input instanceof Request ? input.url : input).includes('/sse/events')
      ? Promise.resolve(feed())
      : fetchReally(input, init);
}

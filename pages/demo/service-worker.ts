// Keeps the demo at hand without a network: its own files from the build's list, and which model
// the gateway had last.

/**
 * Written before this script by the build: the page's files by their address, and a hash of all of
 * them.
 */
declare const precache: { readonly version: string; readonly files: readonly string[] };
declare const clients: { claim(): Promise<void> };
declare function skipWaiting(): Promise<void>;

type Lifetime = Event & { waitUntil(work: Promise<unknown>): void };
type Asked = Lifetime & { readonly request: Request; respondWith(answer: Promise<Response>): void };
const isLifetime = (event: Event): event is Lifetime => 'waitUntil' in event;
const isAsked = (event: Event): event is Asked => 'respondWith' in event;

// Model and runtime have caches of their own, which the embedding worker keeps.
const prefix = 'demo-';
const cacheName = prefix + precache.version;
const page = '/demo',
  currentModel = '/models/current';
/** A network that is slower than this to answer is no network. */
const patienceMs = 4_000;
const kept: ReadonlySet<string> = new Set(precache.files);

addEventListener('install', (event) => {
  if (!isLifetime(event)) return;
  event.waitUntil(
    caches
      .open(cacheName)
      .then((cache) =>
        cache.addAll(
          [...precache.files, page, currentModel].map(
            (address) => new Request(address, { cache: 'no-cache' }),
          ),
        ),
      )
      .then(skipWaiting),
  );
});

addEventListener('activate', (event) => {
  if (!isLifetime(event)) return;
  event.waitUntil(forgetOlder().then(() => clients.claim()));
});

// Whatever is not named here passes by untouched.
addEventListener('fetch', (event) => {
  if (!isAsked(event) || event.request.method !== 'GET') return;
  const { origin, pathname } = new URL(event.request.url);
  if (origin !== location.origin) return;
  if (pathname === page || pathname === currentModel)
    event.respondWith(newest(event.request, pathname));
  else if (kept.has(pathname)) event.respondWith(keptFirst(event.request, pathname));
});

async function forgetOlder(): Promise<void> {
  for (const name of await caches.keys())
    if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
}

/** From the gateway; from the cache while it cannot be reached. */
async function newest(request: Request, pathname: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(patienceMs) });
    // The page stays the one that its files belong to; a newer one brings a newer worker with it.
    if (answer.ok && pathname === currentModel) await cache.put(pathname, answer.clone());
    return answer;
  } catch (error) {
    const answer = await cache.match(pathname);
    if (answer === undefined) throw error;
    return answer;
  }
}

/** Its name changes with its content: what is there is right. */
async function keptFirst(request: Request, pathname: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(pathname)) ?? fetch(request);
}

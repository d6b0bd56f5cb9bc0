// The snippets of docs/shop.md, unchanged: with the key that the page shows, they find products and
// send events.

import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { apiKey, testApp } from '../gateway/test-services.ts';
import { read } from './printed-commands.ts';

type SentByPage = Omit<RequestInit, 'headers'> & {
  readonly headers: Readonly<Record<string, string>>;
};
const page = read('docs/shop.md');
const origin = 'https://shop.example';
const snippet = (pattern: RegExp): string => pattern.exec(page)?.[1] ?? '';

test('a page of a shop searches and sends events, as the guide says', async () => {
  const keys = snippet(/^ {4}VECTORSTREAM_API_KEYS='(.*)'$/m);
  const { request, appended } = testApp(
    {},
    { VECTORSTREAM_API_KEY: apiKey, VECTORSTREAM_API_KEYS: keys },
  );
  const field = Object.assign(new EventTarget(), { value: ' gift for a coffee lover ' });
  const shown = Promise.withResolvers<readonly { textContent: string }[]>();
  const list = {
    replaceChildren: (...items: readonly { textContent: string }[]) => shown.resolve(items),
  };
  const troubles: unknown[] = [];
  const statuses: number[] = [];
  const sent = runInNewContext(
    `${snippet(/<script type="module">([\s\S]*?)<\/script>/)};
    (async () => { ${snippet(/^```js\n([\s\S]*?)^```$/m)} })()`,
    {
      AbortController,
      crypto,
      console: { error: (...words: unknown[]) => troubles.push(words) },
      document: {
        getElementById: (id: string) => (id === 'search' ? field : list),
        createElement: () => ({ textContent: '' }),
      },
      fetch: async (url: string, init: SentByPage) => {
        const { pathname } = new URL(url);
        const answer = await request(pathname, {
          ...init,
          headers: { ...init.headers, origin },
        });
        statuses.push(answer.status);
        expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
        return answer;
      },
    },
  );
  field.dispatchEvent(new Event('input'));
  expect((await shown.promise).map(({ textContent }) => textContent)).toEqual(['Red kettle, 12']);
  await sent;
  expect([statuses.toSorted((a, b) => a - b), troubles]).toEqual([[200, 202], []]);
  expect(appended).toHaveLength(1);
});

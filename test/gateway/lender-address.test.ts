// The address of a person who lends a tab is personal data: only an administrator sees it.

import { expect, test } from 'vitest';
import { testApp } from './test-services.ts';

test('GET /runners shows addresses to the scope admin, and to no other', async () => {
  const { request } = testApp(
    {},
    { VECTORSTREAM_API_KEYS: 'ops:admin:the-key-of-the-operator,eye:read:the-key-of-a-reader' },
  );
  const seen = async (path: string, key: string): Promise<string> =>
    (await request(path, { headers: { authorization: `Bearer ${key}` } })).text();
  expect(await seen('/runners', 'the-key-of-the-operator')).toContain('"address":"10.1.2.3"');
  for (const path of ['/runners', '/stats'])
    expect(await seen(path, 'the-key-of-a-reader')).toContain('"address":null');
});

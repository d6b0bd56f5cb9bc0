// The documentation's table of scopes matches the gateway's.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ruleOf } from '../../gateway/access/route-scopes.ts';
import { settings } from '../../gateway/config/all-sections.ts';
import { testApp } from './test-services.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8');

test('the documentation lists every path with its scope and budget', async () => {
  const { paths }: { paths: string[] } = await (await testApp().request('/')).json();
  const asked = [...paths, 'GET /'].map((line) => {
    const [method = '', path = ''] = line.split(' ');
    const rule = ruleOf(method.replace('WS', 'GET'), path);
    const scope = path === '/runners/connect' ? 'runner token' : rule.scope;
    return `| \`${line}\` | ${scope} | ${rule.budget ?? '–'} |`;
  });
  const rows =
    page
      .split(/<!-- \/?scopes[^>]*-->/)[1]
      ?.trim()
      .split('\n')
      .slice(2)
      .map((row) => row.replaceAll(/ +/g, ' ')) ?? [];
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.toSorted()).toEqual(asked.toSorted());
});

test('every setting that it names exists', () => {
  const sections = new Set(settings.map(({ section }) => section));
  const named = [...page.matchAll(/`([a-z]+)\.([A-Za-z]+)`/g)]
    .filter(([, section = '', name]) => sections.has(section) && name !== 'ndjson')
    .map(([, section, name]) => `${section}.${name}`);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !settings.some((setting) => setting.path === path))).toEqual([]);
  const variables = new Set(settings.map(({ variable }) => variable));
  expect(
    [...page.matchAll(/VECTORSTREAM_[A-Z_]+/g)]
      .map(([name]) => name)
      .filter((name) => !variables.has(name) && name !== 'VECTORSTREAM_GATEWAY_URL'),
  ).toEqual([]);
});

// A browser that refuses storage, as in some private windows: the pages go on without it.

import { afterEach, expect, test } from 'vitest';
import {
  forgetCachedModels,
  forgetModel,
  forgetOtherModels,
} from '../../pages/shared/embedding/model-caches.ts';
import { runnerToken } from '../../pages/shared/tab-secrets.ts';

const names = ['caches', 'sessionStorage'] as const;
const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));

afterEach(() => {
  for (const [index, name] of names.entries()) {
    const descriptor = before[index];
    if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, descriptor);
  }
});

const refuse = (name: string, get: () => unknown): void => {
  Object.defineProperty(globalThis, name, { configurable: true, get });
};
const insecure = (): Error => new DOMException('The operation is insecure.', 'SecurityError');
const rejects = (): Promise<never> => Promise.reject(insecure());

test('caches that reject every call, or are absent, are no caches', async () => {
  refuse('caches', () => ({ keys: rejects, delete: rejects, open: rejects }));
  await forgetModel('a');
  await forgetOtherModels('a');
  await forgetCachedModels();
  refuse('caches', () => {
    throw new ReferenceError('caches is not defined');
  });
  await expect(forgetOtherModels('a')).resolves.toBeUndefined();
});

test('a token is not kept where a browser refuses that, and the page goes on', () => {
  refuse('sessionStorage', () => {
    throw insecure();
  });
  runnerToken.write('token');
  expect(runnerToken.read()).toBeNull();
  runnerToken.forget();
});

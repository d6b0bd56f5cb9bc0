// Reads what the page is to do: from a supervisor, or from its address. The token comes in the
// fragment, which is sent to nobody.

import type { PageConfig } from '#core/runner/page-config.ts';
import { keepToken, keptToken } from '../shared/stored-token.ts';

export type PageSettings = {
  /** `null`: a person has to give it. */
  readonly token: string | null;
  readonly name: string;
  readonly device: 'auto' | 'webgpu' | 'wasm';
  readonly dtype: string;
  readonly threads: number;
  readonly share: number;
};

/**
 * `/runner?device=webgpu&dtype=fp32&threads=1&name=desk&share=0.5#token=…`; takes the token out of
 * the address bar.
 */
export function readPageConfig(): PageSettings {
  const query = new URLSearchParams(location.search);
  const given: PageConfig | undefined = window.vectorstreamPageConfig;
  // It holds the token: nothing that runs later finds it.
  delete window.vectorstreamPageConfig;
  const fragment = new URLSearchParams(location.hash.slice(1)).get('token');
  if (fragment !== null) {
    keepToken(fragment);
    history.replaceState(null, '', location.pathname + location.search);
  }
  const device = given?.device ?? query.get('device');
  const share = Number(query.get('share') ?? 1);
  return {
    token: given?.token ?? fragment ?? keptToken(),
    name:
      (given?.name ?? query.get('name') ?? browserName(navigator.userAgent)).slice(0, 100) || 'tab',
    device: device === 'webgpu' || device === 'wasm' ? device : 'auto',
    dtype: given?.dtype ?? (query.get('dtype') || 'auto'),
    threads: wholeNumber(given?.threads ?? query.get('threads')),
    share: share > 0 && share <= 1 ? share : 1,
  };
}

/** 0, which chooses, for anything but a whole number from 1 to 64. */
function wholeNumber(value: unknown): number {
  const number = Number(value);
  return Number.isInteger(number) && number >= 1 && number <= 64 ? number : 0;
}

/** `Firefox tab`, so that a list of runners can be told apart. */
function browserName(userAgent: string): string {
  const [name] = /Edg|OPR|Firefox|Chrome|Safari/.exec(userAgent) ?? [];
  return `${name === 'Edg' ? 'Edge' : name === 'OPR' ? 'Opera' : (name ?? 'Browser')} tab`;
}

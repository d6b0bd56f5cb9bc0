// Reads what the page is to do, from a supervisor or from the page's address. The token comes in
// the fragment, which browsers send to no server.

import { speedupMinDefault } from '#core/runner/device-candidates.ts';
import type { PageConfig } from '#core/runner/page-config.ts';
import { runnerToken } from '../shared/tab-secrets.ts';

export type PageSettings = {
  /** `null`: a person has to enter it. */
  readonly token: string | null;
  readonly name: string;
  readonly device: 'auto' | 'webgpu' | 'wasm';
  readonly dtype: string;
  /** A dtype of lower fidelity is chosen only when it is this many times as fast; at least 1. */
  readonly speedupMin: number;
  /** Threads of the WASM runtime; 0 lets it choose. */
  readonly threads: number;
  /** Share of its time that the tab works, 0 < share ≤ 1. */
  readonly share: number;
  /** Works less while the machine runs on its battery. */
  readonly savesBattery: boolean;
};

/** Of a tab whose owner said nothing: it leaves the machine to them. */
const courteousShare = 0.5;

/**
 * Reads an address such as
 * `/lend?device=webgpu&dtype=fp32&speedup-min=2&threads=1&name=desk&share=0.5#token=…`, and removes
 * the token from the address bar.
 */
export function readPageConfig(): PageSettings {
  const query = new URLSearchParams(location.search);
  const given: PageConfig | undefined = window.vectorstreamPageConfig;
  // It holds the token: no later script may find it.
  delete window.vectorstreamPageConfig;
  const fragment = new URLSearchParams(location.hash.slice(1)).get('token');
  if (fragment !== null) {
    runnerToken.write(fragment);
    history.replaceState(null, '', location.pathname + location.search);
  }
  const device = given?.device ?? query.get('device');
  const speedupMin = given?.speedupMin ?? Number(query.get('speedup-min'));
  const token = given?.token ?? fragment ?? runnerToken.read();
  const share = Number(query.get('share') ?? (token === null ? courteousShare : 1));
  return {
    token,
    name:
      (given?.name ?? query.get('name') ?? browserName(navigator.userAgent)).slice(0, 100) || 'tab',
    device: device === 'webgpu' || device === 'wasm' ? device : 'auto',
    dtype: given?.dtype ?? (query.get('dtype') || 'auto'),
    speedupMin: speedupMin >= 1 ? speedupMin : speedupMinDefault,
    threads: threadsFrom(given?.threads ?? query.get('threads')),
    share: share > 0 && share <= 1 ? share : 1,
    savesBattery: given === undefined,
  };
}

/** A whole number from 1 to 64; 0, which chooses, for anything else. */
function threadsFrom(value: unknown): number {
  const number = Number(value);
  return Number.isInteger(number) && number >= 1 && number <= 64 ? number : 0;
}

/** `Firefox tab`, so that people can tell runners apart in a list. */
function browserName(userAgent: string): string {
  const [name] = /Edg|OPR|Firefox|Chrome|Safari/.exec(userAgent) ?? [];
  return `${name === 'Edg' ? 'Edge' : name === 'OPR' ? 'Opera' : (name ?? 'Browser')} tab`;
}

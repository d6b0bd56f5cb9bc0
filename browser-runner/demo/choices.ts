// What is worth trying in this browser: its GPU where it is one, else WebAssembly.
import { findAdapter, type Adapter } from '../page/adapter.ts';
import type { SessionChoice } from './workbench.ts';

/** Best first. A GPU that the processor emulates is never preferred to WebAssembly. */
export async function sessionChoices(): Promise<readonly SessionChoice[]> {
  const adapter = await findAdapter();
  const wasm = choiceOf('wasm', adapter);
  return adapter === null || adapter.software ? [wasm] : [choiceOf('webgpu', adapter), wasm];
}

export function choiceOf(device: 'webgpu' | 'wasm', adapter: Adapter | null): SessionChoice {
  return { device, dtype: device === 'wasm' ? 'q8' : adapter?.fp16 === true ? 'fp16' : 'fp32' };
}

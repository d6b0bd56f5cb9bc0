// Every target of the fuzzer, by name.

import type { Target } from '../fuzzer.ts';
import { lz4Frame, snappyFrame } from './compressed.ts';
import { config } from './config-input.ts';
import { dates } from './date-input.ts';
import { event } from './event.ts';
import { http } from './http.ts';
import { importFile, importMapped } from './import-input.ts';
import { wireFrame, wireMessage } from './wire-input.ts';

export const targets: readonly Target[] = [
  event,
  wireMessage,
  wireFrame,
  lz4Frame,
  snappyFrame,
  config,
  importFile,
  importMapped,
  dates,
  http,
];

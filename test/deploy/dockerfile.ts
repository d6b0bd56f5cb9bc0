// Reads the Dockerfile: its stages, each with its instructions.

import { read } from './compose-file.ts';

export type Instruction = { readonly word: string; readonly rest: string };
export type Stage = {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
};

const lines = read('Dockerfile')
  .replaceAll(/\\\n\s*/g, ' ')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '' && !line.startsWith('#'));

export const stages: readonly Stage[] = lines.reduce<Stage[]>((found, line) => {
  const [word = '', ...words] = line.split(' ');
  const rest = words.join(' ');
  const from = /^(\S+) AS (\S+)$/.exec(rest);
  if (word === 'FROM') {
    if (from === null) throw new Error(`Every stage has a name; this one has none: ${line}`);
    return [...found, { name: from[2] ?? '', from: from[1] ?? '', instructions: [] }];
  }
  const last = found.at(-1);
  if (last === undefined) return found;
  return [...found.slice(0, -1), { ...last, instructions: [...last.instructions, { word, rest }] }];
}, []);

/** The stages that run programs; the others are only copied from. */
export const targets = [
  'gateway',
  'node-runner',
  'node-runner-gpu',
  'browser-runner',
  'browser-runner-gpu',
  'generator',
] as const;

/** A stage's own instructions after those of the stages it is built on. */
export function instructionsOf(name: string): readonly Instruction[] {
  const stage = stages.find((candidate) => candidate.name === name);
  return stage === undefined ? [] : [...instructionsOf(stage.from), ...stage.instructions];
}

export function lastOf(name: string, word: string): string | undefined {
  return instructionsOf(name).findLast((instruction) => instruction.word === word)?.rest;
}

/** `ENV A=1 B=2` of a stage and those below it. */
export function environmentOf(name: string): ReadonlyMap<string, string> {
  return new Map(
    instructionsOf(name)
      .filter(({ word }) => word === 'ENV')
      .flatMap(({ rest }) =>
        rest.split(/\s+/).map((pair): [string, string] => {
          const equals = pair.indexOf('=');
          return [pair.slice(0, equals), pair.slice(equals + 1)];
        }),
      ),
  );
}

/** Files and folders of the tree that end up in a stage, from the root. */
export function copiedInto(name: string): readonly string[] {
  return instructionsOf(name)
    .filter(({ word, rest }) => word === 'COPY' && !rest.startsWith('--from='))
    .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
}

/** The packages that `npm pkg delete` removes from a stage's package.json. */
export function packagesRemovedFrom(name: string): readonly string[] {
  const from = instructionsOf(name).flatMap(({ word, rest }) =>
    word === 'COPY' ? (/^--from=(\S+)/.exec(rest)?.[1] ?? []) : [],
  );
  return from
    .flatMap((stage) => instructionsOf(stage))
    .flatMap(({ word, rest }) =>
      word === 'RUN'
        ? [...rest.matchAll(/"?dependencies\.([^"\s]+)"?/g)].map((match) => match[1] ?? '')
        : [],
    );
}

// Checks every diagram against mermaid's grammar, and the names in it against the code.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultPipelineLimits } from '#core/pipeline/pipeline.ts';
import { closeCode } from '#core/protocol/wire.ts';
import { read, root, services } from './compose-file.ts';
import { mermaidBlocks, problemsOf } from './mermaid.ts';

const documents = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const blocks = documents.flatMap((file) => mermaidBlocks(file, read(file)));
const diagrams = ['system', 'data-flow', 'deployment', 'failures'].map(
  (name) => `docs/diagrams/${name}.md`,
);
const problems = (text: string) =>
  mermaidBlocks('x.md', `\`\`\`mermaid\n${text}\n\`\`\``).flatMap(problemsOf);

describe('the diagrams', () => {
  test('show system, data flow, deployment and failures', () => {
    expect(diagrams.filter((file) => !blocks.some((block) => block.file === file))).toEqual([]);
  });

  test.each(blocks)('$file, line $line, is a diagram that mermaid can draw', (block) => {
    expect(problemsOf(block)).toEqual([]);
  });

  test('are refused when they are invalid', () => {
    expect(problems('flowchart LR\n  a["x"] --> b["y"]')).toEqual([]);
    expect(problems('flowchart LR\n  a["x] --> b')).toHaveLength(1);
    expect(problems('flowchart LR\n  subgraph s [S]\n  a --> b')).toHaveLength(1);
    expect(problems('flowchart LR\n  a["x"] --> b\n  a["y"] --> b')).toHaveLength(1);
    expect(problems('sequenceDiagram\n  participant A as a\n  A->>B: hello')).toHaveLength(1);
    expect(
      problems('sequenceDiagram\n  participant A as a\n  loop ever\n  A->>A: hello'),
    ).toHaveLength(1);
    expect(problems('stateDiagram-v2\n  a --> b: x\n  b -> a')).toHaveLength(1);
    expect(problems('pie\n  "a": 1')).toHaveLength(1);
  });

  test('name files that exist', () => {
    const files = diagrams.flatMap((file) =>
      [...read(file).matchAll(/\b(?:core|gateway|node-runner)\/[\w./-]+\.ts\b/g)].map(
        (match) => match[0],
      ),
    );
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  test('show every service of docker-compose.yml, and which services it waits for', () => {
    const [, stack, order] = blocks
      .filter(({ file }) => file === 'docs/diagrams/deployment.md')
      .map(({ lines }) => lines.join('\n'));
    expect(
      services
        .filter(([name]) => !new RegExp(`"${name}(<br/>|")`).test(stack ?? ''))
        .map(([name]) => name),
    ).toEqual([]);
    const drawn = [...(order ?? '').matchAll(/^ {2}([\w-]+) --> ([\w-]+)$/gm)].map(
      (match) => `${match[2]} after ${match[1]}`,
    );
    const held = services.flatMap(([name, { depends_on: needs }]) =>
      Object.keys(needs).map((need) => `${name} after ${need}`),
    );
    expect(drawn.toSorted()).toEqual(held.toSorted());
  });

  test('give close codes and limits as the code has them', () => {
    const failures = read('docs/diagrams/failures.md');
    const codes = new Set(
      [...failures.matchAll(/\b(?:4\d{3}|1000)\b/g)].map((match) => Number(match[0])),
    );
    expect([...codes].filter((code) => !Object.values<number>(closeCode).includes(code))).toEqual(
      [],
    );
    const { circuit, backoff } = defaultPipelineLimits;
    expect(failures).toContain(`${circuit.failuresMax} failures in a row`);
    expect(failures).toContain(
      `${circuit.delayMs / 1000} s, doubling to ${circuit.delayMsMax / 1000} s`,
    );
    expect(failures).toContain(`backoff ${backoff.delayMs} ms to ${backoff.delayMsMax / 1000} s`);
  });
});

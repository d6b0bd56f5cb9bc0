// Reads mermaid blocks of markdown files strictly enough to catch what would not render. It knows
// the grammar that this project uses.

export type Block = {
  readonly file: string;
  readonly line: number;
  readonly lines: readonly string[];
};

export function mermaidBlocks(file: string, markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { line: number; lines: string[] } | null = null;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (open === null && line.trim() === '```mermaid') open = { line: index + 2, lines: [] };
    else if (open !== null && line.trim() === '```') {
      blocks.push({ file, ...open });
      open = null;
    } else open?.lines.push(line);
  }
  if (open !== null) blocks.push({ file, line: open.line, lines: ['(not closed)'] });
  return blocks;
}

/** The problems of a block, one line each; empty when it renders. */
export function problemsOf({ lines }: Block): readonly string[] {
  const [heading = '', ...body] = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (/^flowchart (LR|TB)$/.test(heading)) return flowchart(body);
  if (heading === 'sequenceDiagram') return sequence(body);
  if (heading === 'stateDiagram-v2') return states(body);
  return [`unknown diagram: ${heading}`];
}

const label = String.raw`"[^"]+"`;
const shape = String.raw`(?:\[${label}\]|\{${label}\}|\[\(${label}\)\]|\(\[${label}\]\))`;
const node = String.raw`[a-z][\w-]*${shape}?`;
const nodes = String.raw`${node}(?: & ${node})*`;
const arrow = String.raw`(?:-->|-- (?:${label}|[a-z]+) -->|<-- ${label} -->|-\. ${label} \.->)`;
const chain = new RegExp(`^${nodes}(?: ${arrow} ${nodes})*$`);

function flowchart(lines: readonly string[]): string[] {
  const problems: string[] = [];
  const named = new Map<string, number>();
  let depth = 0;
  for (const line of lines) {
    if (/^subgraph [a-z]\w*(?: \[[^\][]+\])?$/.test(line)) depth += 1;
    else if (line === 'end') depth -= 1;
    else if (!/^direction (LR|TB)$/.test(line) && !chain.test(line))
      problems.push(`not a chain of nodes: ${line}`);
    if (depth < 0) problems.push('an end too many');
    for (const [, name = ''] of line.matchAll(
      new RegExp(`(?<![\\w"-])([a-z][\\w-]*)${shape}`, 'g'),
    ))
      named.set(name, (named.get(name) ?? 0) + 1);
  }
  if (depth > 0) problems.push('a subgraph without its end');
  for (const [name, times] of named)
    if (times > 1) problems.push(`${name} is labelled ${times} times`);
  return problems;
}

function sequence(lines: readonly string[]): string[] {
  const problems: string[] = [];
  const participants = new Set<string>();
  const open: string[] = [];
  for (const line of lines) {
    const participant = /^participant (\w+) as .+$/.exec(line)?.[1];
    const message = /^(\w+)(?:->>|-->>|--x)(\w+): [^;#]+$/.exec(line);
    const note = /^Note over (\w+)(?:,(\w+))?: [^;#]+$/.exec(line);
    const begins = /^(loop|alt|opt|par)\b/.exec(line)?.[1];
    if (participant !== undefined) participants.add(participant);
    else if (begins !== undefined) open.push(begins);
    else if (line === 'end')
      problems.push(...(open.pop() === undefined ? ['an end too many'] : []));
    else if (/^else\b/.test(line))
      problems.push(...(open.at(-1) === 'alt' ? [] : [`else outside alt: ${line}`]));
    else if (message ?? note)
      problems.push(
        ...(message ?? note ?? [])
          .slice(1)
          .filter((name) => name !== undefined && !participants.has(name))
          .map((name) => `${name} is not a participant: ${line}`),
      );
    else if (line !== 'autonumber') problems.push(`not a message: ${line}`);
  }
  return [...problems, ...open.map((word) => `${word} without its end`)];
}

function states(lines: readonly string[]): string[] {
  const problems: string[] = [];
  let isNote = false;
  for (const line of lines) {
    if (/^note (right|left) of \w+$/.test(line)) isNote = true;
    else if (line === 'end note') isNote = false;
    else if (
      !isNote &&
      !/^(\[\*\]|\w+) --> (\[\*\]|\w+)(: [^:;]+)?$/.test(line) &&
      !/^state "[^"]+" as \w+$/.test(line)
    )
      problems.push(`not a transition: ${line}`);
  }
  return isNote ? [...problems, 'a note without its end'] : problems;
}

// Says in one sentence for each part of the gateway how it is, and what to do when it is not well.

import type { HealthView } from '../../../client/client.ts';
import type { Tone } from '../../shared/components.tsx';
import { formatCount } from '../../shared/format.ts';

export type PartSentence = {
  readonly name: string;
  readonly tone: Tone;
  readonly sentence: string;
  /** What to do; `null` when all is well. */
  readonly advice: string | null;
};

type Component = HealthView['causes'][number]['component'];
/** Makes a sentence of a text: with a capital letter, and a full stop at its end. */
const sentenceOf = (text: string): string => {
  const sentence = text.trim();
  const stop = /[.!?]$/.test(sentence) ? '' : '.';
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${stop}`;
};

const whatToDo: Readonly<Record<Component, string>> = {
  source:
    'Events that programs send now are refused, and they try again. Check the brokers and the ' +
    'network; intake resumes by itself.',
  store:
    'Events wait in the log and none is lost. Bring the store back; the gateway resumes by itself.',
  runners:
    'New texts wait in the log, and searches find by words only. Start a runner with ' +
    '“npm run runner”, or lend a tab.',
  certificate: 'Renew it; the gateway takes the new files without a restart.',
  schema_registry:
    'Records in Avro and Protobuf wait in the log and none is lost. Start the registry, or ' +
    'correct its address or login; the gateway resumes by itself.',
  sink:
    'Events wait in the log and none is lost. Bring the brokers or the topic of sink.topic back; ' +
    'the gateway resumes by itself.',
  disk: 'Make room on the disk of the data folder; do not delete files in it by hand.',
};

/** Parts that are shown only when something is wrong with them. */
const quietParts = {
  disk: 'Disk',
  certificate: 'Certificate',
  schema_registry: 'Schema Registry',
  sink: 'Sink',
} as const;

/** Sentences on the parts, in the order in which an event passes them. */
export function partSentences(health: HealthView): readonly PartSentence[] {
  const wrong = (component: Component) =>
    health.causes.filter((cause) => cause.component === component);
  const part = (
    name: string,
    component: Component | null,
    trouble: string | null,
    well: string,
  ): PartSentence => {
    const causes = component === null ? [] : wrong(component);
    const messages = new Set([trouble ?? [], causes.map(({ message }) => message)].flat());
    if (messages.size === 0) return { name, tone: 'good', sentence: well, advice: null };
    return {
      name,
      tone: trouble === null ? 'warn' : 'bad',
      sentence: [...messages].map(sentenceOf).join(' '),
      // The message of a cause that is not an outage says what to do.
      advice: trouble === null || component === null ? null : whatToDo[component],
    };
  };
  const { source, store, runners, dead_letters: queue } = health;
  return [
    part('Log', 'source', source.trouble, logText(source)),
    part('Runners', 'runners', runners.trouble, runnersText(runners)),
    part('Store', 'store', store.trouble, storeText(store)),
    {
      ...part('Dead letters', null, queue.trouble, deadLettersText(queue.open)),
      ...(queue.trouble === null && (queue.open ?? 0) > 0 && { tone: 'warn' as const }),
    },
    ...(['disk', 'certificate', 'schema_registry', 'sink'] as const).flatMap((component) =>
      wrong(component).map(({ message, severity }) => ({
        name: quietParts[component],
        tone: severity === 'outage' ? ('bad' as const) : ('warn' as const),
        sentence: sentenceOf(message),
        advice: whatToDo[component],
      })),
    ),
  ];
}

function logText({ kind, lag }: HealthView['source']): string {
  const name = kind === 'kafka' ? 'Kafka is connected' : 'The log takes events';
  if (lag === null) return `${name}.`;
  return lag === 0 ? `${name}; none waits.` : `${name}; ${formatCount(lag)} wait.`;
}

function runnersText({ ready, connected, checked_by: checkedBy }: HealthView['runners']): string {
  const verified = checkedBy === 'nobody' ? '' : ', and their vectors are verified';
  return connected === 1
    ? `The only runner is ready${verified.replace('their', 'its')}.`
    : ready === connected
      ? `All ${ready} runners are ready${verified}.`
      : `${ready} of ${connected} runners are ready${verified}.`;
}

function storeText({ events, texts }: HealthView['store']): string {
  if (events === null || texts === null) return 'It answers.';
  return events === 0
    ? 'It answers, and holds no event yet.'
    : `It holds ${formatCount(events)} events about ${formatCount(texts)} distinct texts.`;
}

function deadLettersText(open: number | null): string {
  if (open === null) return 'The queue answers.';
  if (open === 0) return 'Every event could be stored.';
  return open === 1
    ? 'One event could not be stored and waits to be mended.'
    : `${formatCount(open)} events could not be stored and wait to be mended.`;
}

/** The headline: one sentence for everything. `isLost`: the gateway does not answer. */
export function headlineOf(
  parts: readonly PartSentence[],
  isLost: boolean,
): { readonly tone: Tone; readonly text: string } {
  if (isLost) return { tone: 'bad', text: 'Cut off from the gateway; this is from before' };
  const bad = parts.filter(({ tone }) => tone === 'bad');
  if (bad.length > 0)
    return {
      tone: 'bad',
      text: `${bad.map(({ name }) => name).join(' and ')} ${
        bad.length === 1 && bad[0]?.name !== 'Runners' && bad[0]?.name !== 'Dead letters'
          ? 'needs'
          : 'need'
      } help`,
    };
  const warned = parts.filter(({ tone }) => tone === 'warn');
  if (warned.length === 0) return { tone: 'good', text: 'All is well' };
  return warned.every(({ name }) => name === 'Dead letters')
    ? { tone: 'warn', text: 'It works, but some events could not be stored' }
    : { tone: 'warn', text: 'It works, with a warning' };
}

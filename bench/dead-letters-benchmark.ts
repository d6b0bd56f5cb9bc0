// Measures how fast invalid events get from a Kafka topic to the topic of dead letters, and what
// each costs the gateway.

import { burstOf, hasBroker, throughTopic, type TopicFigures } from './bench-topic.ts';
import { atLeast, row, type Benchmark } from './benchmark.ts';
import { median } from './figures.ts';
import { withUnknownType } from './streams.ts';

const rounds = 3;
const perSecondMin = 2_000;

export const deadLetters: Benchmark = {
  name: 'dead-letters',
  about:
    'Invalid events, 20,000 in a burst, from a Kafka topic to the topic of dead letters. Needs ' +
    'KAFKA_BROKERS.',
  async run(context) {
    if (!hasBroker(context)) return [];
    const figures: TopicFigures[] = [];
    for (let turn = 1; turn <= (context.isQuick ? 1 : rounds); turn += 1) {
      context.say(`round ${turn}`);
      const burst = burstOf(context, turn);
      const invalid = withUnknownType(burst.events);
      figures.push(
        await throughTopic(context, `round-${turn}`, {
          ...burst,
          events: invalid,
          end: 'dead_lettered',
        }),
      );
    }
    return [
      row(
        'dead letters from topic to topic',
        median(figures.map(({ eventsPerSecond }) => eventsPerSecond)),
        'events/s',
        atLeast(perSecondMin),
      ),
      row(
        'processor time of the gateway',
        median(figures.map(({ cpuMicrosPerEvent }) => cpuMicrosPerEvent)),
        'µs/event',
      ),
    ];
  },
};

// The work of one runner over the last two minutes, as bars of texts a second.

import { formatRate } from '../../shared/format.ts';

const [barWidth, height] = [2, 24];
const barsMax = 60;

export function WorkLine({
  work,
  most,
}: {
  readonly work: readonly number[];
  readonly most: number;
}) {
  const last = work.at(-1) ?? 0;
  const offset = barsMax - work.length;
  return (
    <svg
      class="work-line"
      viewBox={`0 0 ${barsMax * barWidth} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Work in the last two minutes; now ${formatRate(last)} texts a second`}
    >
      <path d={`M0 ${height - 0.5}h${barsMax * barWidth}`} class="work-floor" />
      {work.map((rate, index) => {
        const size = most === 0 ? 0 : (rate / most) * (height - 1);
        return (
          <rect
            key={index}
            x={(offset + index) * barWidth}
            y={height - size}
            width={barWidth - 0.5}
            height={size}
          />
        );
      })}
    </svg>
  );
}

// Fills the place of the map before anything is embedded: a sky of points, and the button to press
// first.

const count = 90;
/** Points on the spiral of a sunflower: evenly spread, without rows (Vogel 1979). */
const sky = Array.from({ length: count }, (_, i) => {
  const [angle, radius] = [i * 2.399963, Math.sqrt((i + 0.5) / count)];
  return {
    x: 320 + 380 * radius * Math.cos(angle),
    y: 250 + 300 * radius * Math.sin(angle),
    size: 3.5 + ((i * 7) % 5),
    tint: Math.floor((angle % 6.2832) / 0.7855),
  };
});

export function Invitation({
  isReady,
  onEmbed,
}: {
  readonly isReady: boolean;
  readonly onEmbed: () => void;
}) {
  return (
    <div class="invitation">
      <svg viewBox="0 0 640 500" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
        {sky.map(({ x, y, size, tint }) => (
          <circle key={x} class={`tint-${tint}`} cx={x} cy={y} r={size} />
        ))}
      </svg>
      <div>
        <p>
          Every product becomes a point. Products of similar meaning stand together, whatever words
          describe them.
        </p>
        <button type="button" class="button is-primary" disabled={!isReady} onClick={onEmbed}>
          Embed and see
        </button>
      </div>
    </div>
  );
}

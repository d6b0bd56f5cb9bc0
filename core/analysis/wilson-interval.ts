// Says how sure a rate is: Wilson's score interval, which holds for small counts and for rates near
// 0 and 1 (Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927).

/** The standard normal quantile of a 95 % interval. */
const z = 1.959964;

/** The 95 % interval of `successes / trials`, within 0…1; all of it without trials. */
export function wilsonInterval(
  successes: number,
  trials: number,
): readonly [low: number, high: number] {
  if (trials === 0) return [0, 1];
  const rate = successes / trials;
  const widening = (z * z) / trials;
  const centre = rate + widening / 2;
  const spread = z * Math.sqrt((rate * (1 - rate)) / trials + widening / (4 * trials));
  return [
    Math.max(0, (centre - spread) / (1 + widening)),
    Math.min(1, (centre + spread) / (1 + widening)),
  ];
}

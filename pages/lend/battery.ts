// Watches whether the machine runs on its battery, in browsers that report it.

type Battery = EventTarget & { readonly charging: boolean };

/** Calls back once, and at every change; only once, with `null`, when this browser reports none. */
export function watchBattery(onChange: (onBattery: boolean | null) => void): void {
  // Not every browser has it, so the types do not either.
  if (!('getBattery' in navigator) || typeof navigator.getBattery !== 'function')
    return onChange(null);
  const requested: Promise<Battery> = navigator.getBattery();
  requested.then(
    (battery) => {
      const report = (): void => onChange(!battery.charging);
      battery.addEventListener('chargingchange', report);
      report();
    },
    () => onChange(null),
  );
}

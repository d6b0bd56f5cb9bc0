// Follows whether the machine runs on its battery, in the browsers that tell.

type Battery = EventTarget & { readonly charging: boolean };

/** Tells once and at every change; `null` when this browser does not tell. */
export function watchBattery(tell: (onBattery: boolean | null) => void): void {
  // Not in every browser, hence not in the types.
  if (!('getBattery' in navigator) || typeof navigator.getBattery !== 'function') return tell(null);
  const asked: Promise<Battery> = navigator.getBattery();
  asked.then(
    (battery) => {
      const told = (): void => tell(!battery.charging);
      battery.addEventListener('chargingchange', told);
      told();
    },
    () => tell(null),
  );
}

// A text as a QR code, dark on light in both colour schemes, because cameras expect that.

import { useMemo } from 'preact/hooks';
import { qrMatrix } from './qr-matrix.ts';

/** Light modules around the code. */
const margin = 4;

export function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const drawn = useMemo(() => {
    const matrix = qrMatrix(text);
    if (matrix === null) return null;
    const squares = matrix.flatMap((row, y) =>
      row.flatMap((dark, x) => (dark ? `M${x + margin} ${y + margin}h1v1h-1z` : [])),
    );
    return { path: squares.join(''), size: matrix.length + 2 * margin };
  }, [text]);
  if (drawn === null) return null;
  return (
    <svg
      class="qr-code"
      viewBox={`0 0 ${drawn.size} ${drawn.size}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <rect width={drawn.size} height={drawn.size} fill="#fff" />
      <path d={drawn.path} fill="#000" />
    </svg>
  );
}

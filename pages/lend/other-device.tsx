// Offers the address of this page to another device, also as a QR code for a phone's camera.

import { Card, CopyLine } from '../shared/components.tsx';
import { gatewayAddress, isLoopbackPage } from '../shared/gateway-address.ts';
import { QrCode } from '../shared/qr-code.tsx';

export function OtherDevice() {
  const url = `${gatewayAddress()}/lend`;
  return (
    <Card title="Lend another device too">
      {isLoopbackPage() ? (
        <p class="quiet">
          This page came from <code>{location.host}</code>, which only this machine reaches. Open it
          by the gateway's own name over HTTPS, and a code for a phone's camera appears here.
        </p>
      ) : (
        <div class="other-device">
          <QrCode text={url} label={`QR code of ${url}`} />
          <div>
            <p>Point the camera of a phone or tablet at the code, or open the address.</p>
            <CopyLine text={url} />
          </div>
        </div>
      )}
    </Card>
  );
}

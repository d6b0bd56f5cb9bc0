// Makes a link with which a tab, also of a phone, or another machine joins this fleet.

import { useState } from 'preact/hooks';
import { Card, CopyLine, Notice } from '../../shared/components.tsx';
import { isLoopbackPage } from '../../shared/gateway-address.ts';
import { QrCode } from '../../shared/qr-code.tsx';
import type { Session } from '../session.ts';

/** Two, because a broken connection may still count when the tab connects again. */
const terms = { name: 'from the fleet page', ttl_minutes: 720, runners_max: 2 };

export function JoinLink({ session }: { readonly session: Session }) {
  const [token, setToken] = useState<string | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const make = async (): Promise<void> => {
    try {
      setToken((await session.client.joinTokens.make(terms)).token);
      setTrouble(null);
    } catch (error) {
      setTrouble(session.explain(error));
    }
  };
  return (
    <Card title="Add a runner">
      <p>
        A link lets one tab, or one machine, join for twelve hours. Whoever has it can join: give it
        only to those whose help you want.
      </p>
      {trouble !== null && <Notice tone="bad">{trouble}</Notice>}
      {token === null ? (
        <p class="actions">
          <button class="button" type="button" onClick={() => void make()}>
            Make a link
          </button>
          <a class="button" href="lend">
            Lend this tab
          </a>
        </p>
      ) : (
        <Invitation url={session.url} token={token} />
      )}
    </Card>
  );
}

function Invitation({ url, token }: { readonly url: string; readonly token: string }) {
  const isOnlyHere = isLoopbackPage();
  // Browsers send the part behind # to no server.
  const link = `${url}/lend?share=0.5#token=${token}`;
  return (
    <div class="invitation">
      <QrCode text={link} label="QR code of the link: for the camera of a phone" />
      <div>
        {isOnlyHere && (
          <p class="hint">
            Only this machine reaches this address: open this page by the gateway's own name over
            HTTPS, and the link works for others.
          </p>
        )}
        <h3>For a tab, or a phone's camera</h3>
        <CopyLine text={link} />
        <h3>For a machine with a copy of VectorStream</h3>
        <CopyLine
          text={
            `VECTORSTREAM_GATEWAY_URL=${url.replace(/^http/, 'ws')} ` +
            `VECTORSTREAM_RUNNER_TOKEN=${token} npm run runner`
          }
        />
      </div>
    </div>
  );
}

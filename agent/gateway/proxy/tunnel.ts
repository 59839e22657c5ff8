import type { BodyReceiver, Tunnel } from '../exchange.js';

/** Bytes from the client, bytes to the client, and whether an end broke. */
export type TunnelEnd = (fromClient: number, toClient: number, broken: 'client' | 'backend' | undefined) => void;

/** Joins two tunnels until both directions have ended, or one end breaks. */
export function joinTunnels(client: Tunnel, backend: Tunnel, done: TunnelEnd): void {
  const bytes = { client: 0, backend: 0 };
  let open = 2;
  let isOver = false;
  const finish = (broken: 'client' | 'backend' | undefined) => {
    if (isOver) return;
    isOver = true;
    done(bytes.client, bytes.backend, broken);
  };
  const carry = (from: Tunnel, to: Tunnel, side: 'client' | 'backend'): BodyReceiver => ({
    data: (chunk) => {
      if (isOver) return;
      bytes[side] += chunk.length;
      if (!to.write(chunk)) from.pause();
    },
    end: () => {
      if (isOver) return;
      to.end();
      open--;
      if (open === 0) finish(undefined);
    },
    fail: () => {
      if (isOver) return;
      to.abort();
      finish(side);
    },
    drained: () => {
      if (!isOver) to.resume();
    },
  });
  client.receive(carry(client, backend, 'client'));
  if (!isOver) backend.receive(carry(backend, client, 'backend'));
}

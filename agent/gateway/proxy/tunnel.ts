import type { Clock } from '../../clock.js';
import type { BodyReceiver, Tunnel } from '../exchange.js';
import type { Deadline, Deadlines } from './deadlines.js';

/** A silent tunnel lives so long (ms), as Envoy's TCP connections do; and no longer than the other once one direction has ended. */
const idleMs = 3_600_000;
const halfClosedMs = 60_000;

/** Bytes from the client, bytes to the client, and what ended it before both directions were complete. */
export type TunnelEnd = (
  fromClient: number,
  toClient: number,
  broken: 'client' | 'backend' | 'silence' | undefined,
) => void;

type Side = 'client' | 'backend';

/** Two tunnels that are one, until both directions have ended, one end breaks, or nothing moves for too long. */
export class TunnelPair {
  readonly #ends: Readonly<Record<Side, Tunnel>>;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #done: TunnelEnd;
  readonly #bytes: Record<Side, number> = { client: 0, backend: 0 };
  #open = 2;
  #isOver = false;
  #lastMoved: number;
  #watch: Deadline | undefined;

  constructor(client: Tunnel, backend: Tunnel, clock: Clock, deadlines: Deadlines, done: TunnelEnd) {
    this.#ends = { client, backend };
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#done = done;
    this.#lastMoved = clock.monotonic();
  }

  begin(): void {
    const { client, backend } = this.#ends;
    this.#watchSilence();
    client.receive(this.#carrier('client', backend));
    if (!this.#isOver) backend.receive(this.#carrier('backend', client));
  }

  #carrier(side: Side, to: Tunnel): BodyReceiver {
    const from = this.#ends[side];
    return {
      data: (chunk) => {
        if (this.#isOver) return;
        this.#lastMoved = this.#clock.monotonic();
        this.#bytes[side] += chunk.length;
        if (!to.write(chunk)) from.pause();
      },
      end: () => {
        if (this.#isOver) return;
        this.#lastMoved = this.#clock.monotonic();
        this.#open--;
        to.end();
        if (this.#open === 0) this.#finish(undefined);
        else this.#watchSilence();
      },
      fail: () => {
        if (this.#isOver) return;
        this.#finish(side);
        to.abort();
      },
      drained: () => {
        if (!this.#isOver) to.resume();
      },
    };
  }

  #watchSilence(): void {
    this.#watch?.cancel();
    const mostMs = this.#open === 2 ? idleMs : halfClosedMs;
    const silentMs = this.#clock.monotonic() - this.#lastMoved;
    if (silentMs < mostMs) {
      this.#watch = this.#deadlines.after(mostMs - silentMs, () => this.#watchSilence());
      return;
    }
    this.#finish('silence');
    this.#ends.client.abort();
    this.#ends.backend.abort();
  }

  #finish(broken: Side | 'silence' | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch?.cancel();
    this.#done(this.#bytes.client, this.#bytes.backend, broken);
  }
}

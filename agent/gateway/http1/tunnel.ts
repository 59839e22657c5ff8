import type { BodyReceiver, Failure, Tunnel } from '../exchange.js';
import type { Outbox } from './outbox.js';

/** The connection under a tunnel. */
export interface TunnelCarrier {
  readonly outbox: Outbox;
  setReading(wanted: boolean): void;
  /** Writes the end of the stream; the other direction goes on. */
  endWriting(): void;
  destroy(): void;
}

/** A connection after it switched protocols: its bytes as they are (RFC 9110 7.8). */
export class SocketTunnel implements Tunnel {
  readonly #carrier: TunnelCarrier;
  #receiver: BodyReceiver | undefined;
  #early: Buffer[] = [];
  /** The peer has ended its side. */
  #hasEnded = false;
  /** This side has ended. */
  #hasWritten = false;
  #failure: Failure | undefined;

  constructor(carrier: TunnelCarrier) {
    this.#carrier = carrier;
  }

  receive(receiver: BodyReceiver): void {
    this.#receiver = receiver;
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) receiver.data(chunk);
    if (this.#failure !== undefined) receiver.fail(this.#failure);
    else if (this.#hasEnded) receiver.end([]);
    else if (early.length > 0) this.#carrier.setReading(true);
  }

  pause(): void {
    this.#carrier.setReading(false);
  }

  resume(): void {
    this.#carrier.setReading(true);
  }

  write(chunk: Buffer): boolean {
    this.#carrier.outbox.framed('', chunk, '');
    return !this.#carrier.outbox.isFull;
  }

  end(): void {
    this.#hasWritten = true;
    this.#carrier.outbox.flush();
    this.#carrier.endWriting();
  }

  abort(): void {
    this.#carrier.destroy();
  }

  /** Bytes from the peer; held back, with the connection paused, until somebody receives. */
  received(chunk: Buffer): void {
    if (this.#receiver !== undefined) this.#receiver.data(chunk);
    else {
      this.#early.push(chunk);
      this.#carrier.setReading(false);
    }
  }

  ended(): void {
    if (this.#hasEnded || this.#failure !== undefined) return;
    this.#hasEnded = true;
    this.#receiver?.end([]);
  }

  /** The connection has ended; nothing to tell when both sides had before. */
  failed(why: Failure): void {
    if ((this.#hasEnded && this.#hasWritten) || this.#failure !== undefined) return;
    this.#failure = why;
    this.#receiver?.fail(why);
  }

  drained(): void {
    this.#receiver?.drained();
  }
}

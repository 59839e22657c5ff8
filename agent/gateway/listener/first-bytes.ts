import type { Socket } from 'node:net';
import type { Clock } from '../../clock.js';

export interface FirstBytesOptions<Decision> {
  readonly clock: Clock;
  /** Undefined: more bytes are needed. */
  readonly decide: (bytes: Buffer) => Decision | undefined;
  /** So long the client may be silent, ms; then `silent` decides. */
  readonly silenceMs: number;
  /** So long it may take from its first byte to a decision, ms; then `silent` decides. */
  readonly slowMs: number;
  /** With what came so far. Undefined: the connection is destroyed. */
  readonly silent: (bytes: Buffer) => Decision | undefined;
  /** Once, with all bytes that were read; the socket does not flow until somebody reads on. */
  readonly decided: (decision: Decision, bytes: Buffer) => void;
}

const nothing = Buffer.alloc(0);

/** Reads the beginning of a connection until it is clear what it is. */
export class FirstBytes<Decision> {
  readonly #socket: Socket;
  readonly #options: FirstBytesOptions<Decision>;
  #bytes: Buffer = nothing;
  #hasBytes = false;
  #cancel: () => void;
  readonly #onData = (chunk: Buffer): void => this.#heard(chunk);
  readonly #onEnd = (): void => this.#timedOut();
  readonly #onClose = (): void => this.#stop();

  constructor(socket: Socket, options: FirstBytesOptions<Decision>) {
    this.#socket = socket;
    this.#options = options;
    this.#cancel = options.clock.after(options.silenceMs, () => this.#timedOut());
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
  }

  #heard(chunk: Buffer): void {
    this.#bytes = this.#hasBytes ? Buffer.concat([this.#bytes, chunk]) : chunk;
    if (!this.#hasBytes) {
      this.#hasBytes = true;
      this.#cancel();
      this.#cancel = this.#options.clock.after(this.#options.slowMs, () => this.#timedOut());
    }
    const decision = this.#options.decide(this.#bytes);
    if (decision !== undefined) this.#finish(decision);
  }

  #timedOut(): void {
    const decision = this.#options.silent(this.#bytes);
    if (decision !== undefined) this.#finish(decision);
    else {
      this.#stop();
      this.#socket.destroy();
    }
  }

  #finish(decision: Decision): void {
    this.#stop();
    this.#options.decided(decision, this.#bytes);
  }

  #stop(): void {
    this.#cancel();
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onClose);
  }
}

import type { Socket } from 'node:net';
import type { ServedConnection } from '../http1/server.js';

/** An accepted connection, whatever it has become by now. */
export class ServedSocket {
  readonly socket: Socket;
  /** Key of `Snapshot.targets`; empty until it is known, and for ingress. */
  target = '';
  #served: ServedConnection | undefined;
  #isTunnel = false;
  #isDraining = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** It speaks HTTP. */
  serve(served: ServedConnection): void {
    this.#served = served;
    if (this.#isDraining) served.drain();
  }

  /** Its bytes are carried as they are. */
  carry(): void {
    this.#isTunnel = true;
  }

  get inFlight(): number {
    return this.#served?.inFlight ?? 0;
  }

  /** Ends as soon as that costs nobody a request; `endSilent` is to follow. A tunnel ends when its peers do. */
  drain(): void {
    this.#isDraining = true;
    this.#served?.drain();
  }

  /** After a while of draining: nothing has come, so nothing is lost. */
  endSilent(): void {
    if (this.#served === undefined && !this.#isTunnel && this.socket.bytesRead === 0) this.socket.destroy();
  }

  destroy(): void {
    if (this.#served) this.#served.destroy();
    this.socket.destroy();
  }
}
